"""Install equi_nodes with pip, or with colcon as a ROS 2 package."""

import sys
from pathlib import Path

from setuptools import find_packages, setup

NAME = "equi_nodes"
VERSION = "0.1.0"
SHARE = f"share/{NAME}"


def shared_files():
    """Return the marker, launch and config files with the folders that ROS tools look in."""
    if "editable_wheel" in sys.argv:  # an editable install links them instead, see ros_ws/setup
        return []
    folders = {}
    for top in ("launch", "config"):
        for path in sorted(Path(top).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                folders.setdefault(f"{SHARE}/{path.parent}", []).append(str(path))
    return [
        ("share/ament_index/resource_index/packages", [f"ros_ws/resource/{NAME}"]),
        (SHARE, ["package.xml"]),
        *folders.items(),
    ]


setup(
    name=NAME,
    version=VERSION,
    description="Equivariant perception, prediction and planning nodes for ROS 2 robots",
    long_description=Path("README.md").read_text() if Path("README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    maintainer="equi_nodes maintainers",
    maintainer_email="equi-nodes@users.noreply.github.com",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["weights/*", "evaluation/templates/*"]},
    data_files=shared_files(),
    install_requires=[
        "evo>=1.31",
        "imageio-ffmpeg",
        "jinja2",
        "matplotlib",
        "motmetrics",
        "mujoco>=3.3",
        "numba>=0.59",
        "numpy>=1.26",
        "onnx",
        "onnxruntime",
        "onnxscript",
        # One module of two names: that of Linux on x86 brings no gigabyte for CUDA.
        "open3d>=0.18 ; sys_platform != 'linux' or platform_machine != 'x86_64'",
        "open3d-cpu>=0.18 ; sys_platform == 'linux' and platform_machine == 'x86_64'",
        "opencv-python-headless>=4.8",
        "psutil",
        "pyyaml",
        "rich",
        "rosbags",
        "safetensors",
        "scipy",
        "torch>=2.4",
    ],
    extras_require={
        "ray": ["ray"],
        "slam": ["gtsam>=4.3 ; python_version >= '3.11' and sys_platform == 'linux'"],
        "test": ["hypothesis", "pytest", "pytest-timeout", "ruff"],
        "trt": ["tensorrt-rtx"],
    },
    entry_points={
        "console_scripts": [
            "equi = equi_nodes.cli.main:main",
            "apen_node = equi_nodes.nodes.apen:main",
            "arteq_node = equi_nodes.nodes.arteq:main",
            "e2_planner_node = equi_nodes.nodes.e2_planner:main",
            "eqmotion_node = equi_nodes.nodes.eqmotion:main",
            "lidar_tracker_node = equi_nodes.nodes.lidar_tracker:main",
            "occupancy_mapper_node = equi_nodes.nodes.occupancy_mapper:main",
            "path_follower_node = equi_nodes.nodes.path_follower:main",
            "sim_node = equi_nodes.nodes.sim:main",
            "vio_node = equi_nodes.nodes.vio:main",
        ],
    },
    # `ros2 run` and `ros2 launch` look for executables in lib/<package>, not in bin.
    options={
        "develop": {"script_dir": f"$base/lib/{NAME}"},
        "install": {"install_scripts": f"$base/lib/{NAME}"},
    },
    zip_safe=False,
)
