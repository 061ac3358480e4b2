"""The models that can be deployed, by name."""

from __future__ import annotations

from equi_nodes.runtime import apen, arteq, e2_planner, eqmotion
from equi_nodes.runtime.deployment import Deployment

DEPLOYMENTS: dict[str, Deployment] = {
    "eqmotion": eqmotion.DEPLOYMENT,
    "e2_planner": e2_planner.DEPLOYMENT,
    "arteq": arteq.DEPLOYMENT,
    "pointnet": arteq.PLAIN,
    "apen": apen.DEPLOYMENT,
}
