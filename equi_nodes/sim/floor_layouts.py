"""Layouts of floors: offices, loops of corridors, basements and homes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from equi_nodes.sim.floor_canvas import Canvas, Rect, Side

MARGIN = 1.0  # m, solid around every floor
WALL = 0.15  # m, at least twice the thickness that survives turning a map of 0.1 m
ROOM_WIDTH = (2.6, 5.5)  # m, along the corridor
ROOM_DEPTH = 7.0  # m, deeper blocks get another corridor
DOOR = (0.8, 1.05)  # m
CORRIDOR = (1.5, 2.8)  # m
SQUARE = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])
TURNS = np.radians([90, -90, 90, -90, 45, -45])


def office(rng: np.random.Generator) -> Canvas:
    """Return rows of rooms along corridors that branch off one another."""
    canvas, floor = _floor(rng, (20, 60), (15, 45))
    _block(canvas, floor, set())
    for corner in range(rng.integers(0, 3)):  # wings remain where corners are missing
        _cut_corner(canvas, floor, corner + rng.integers(3))
    return canvas


def loops(rng: np.random.Generator) -> Canvas:
    """Return a ring of corridors with crossings, dead ends and a few rooms."""
    canvas, floor = _floor(rng, (18, 60), (18, 60))
    width = rng.uniform(1.5, 3.2)
    ring = _ring(floor.shrunk(rng.uniform(2.0, 7.0)), rng)
    for leg in zip(ring[:-1], ring[1:]):
        canvas.passage(leg, width * rng.uniform(0.85, 1.2))
    for _ in range(rng.integers(0, 5)):
        first, second = _on_line(ring, rng), _on_line(ring, rng)
        crossing = np.array(_elbow(first, second, rng))
        canvas.passage(crossing, rng.uniform(*CORRIDOR))
        _rooms_along(canvas, crossing, width, rng.integers(0, 8))
    for _ in range(rng.integers(0, 4)):
        start = _on_line(ring, rng)
        away = (start - ring.mean(0)) * rng.choice((1.0, -0.5))
        end = start + away / np.linalg.norm(away) * rng.uniform(3.0, 12.0)
        canvas.passage([start, np.clip(end, floor.low, floor.high)], rng.uniform(*CORRIDOR))
    for _ in range(rng.integers(0, 3)):
        _hall(canvas, _on_line(ring, rng), floor)
    _rooms_along(canvas, ring, width, rng.integers(0, 40))
    return canvas


def basement(rng: np.random.Generator) -> Canvas:
    """Return wide, crooked corridors with alcoves, dead ends and machine rooms."""
    canvas, floor = _floor(rng, (25, 60), (20, 50))
    inner = floor.shrunk(2.5)
    nodes = [rng.uniform(inner.low, inner.high)]
    heading = rng.integers(4) * np.pi / 2
    for _ in range(rng.integers(25, 60)):
        start = nodes[-1] if rng.random() < 0.7 else nodes[rng.integers(len(nodes))]
        heading += rng.choice(TURNS)
        step = rng.uniform(5.0, 22.0) * np.array([np.cos(heading), np.sin(heading)])
        end, width = start + step, rng.uniform(1.6, 3.6)
        if np.any(end < inner.low) or np.any(end > inner.high):
            continue
        ahead = np.linspace(start + 0.5 * step, end, 20)
        if rng.random() < 0.75 and not canvas.is_solid(np.r_[ahead, ahead + 2, ahead - 2]):
            continue
        canvas.passage([start, end], width)
        _rooms_along(canvas, np.stack([start, end]), width, rng.integers(0, 4), largest=8.0)
        nodes.append(end)
    for _ in range(rng.integers(1, 3)):
        first, second = rng.integers(len(nodes), size=2)
        canvas.passage(_elbow(nodes[first], nodes[second], rng), rng.uniform(1.8, 3.0))
    _hall(canvas, nodes[rng.integers(len(nodes))], floor)
    return canvas


def home(rng: np.random.Generator) -> Canvas:
    """Return rooms that were divided again and again, with hallways between some."""
    canvas, floor = _floor(rng, (15, 26), (11, 22))
    canvas.closed = 0.03
    _divide(canvas, floor)
    for corner in range(rng.integers(0, 2)):
        _cut_corner(canvas, floor, corner + rng.integers(4))
    return canvas


LAYOUTS: dict[str, Callable[[np.random.Generator], Canvas]] = {
    "office": office,
    "loops": loops,
    "basement": basement,
    "home": home,
}


def _floor(rng: np.random.Generator, width: tuple, height: tuple) -> tuple[Canvas, Rect]:
    size = rng.uniform(*width), rng.uniform(*height)
    canvas = Canvas(size[0] + 2 * MARGIN, size[1] + 2 * MARGIN, rng)
    return canvas, Rect((MARGIN, MARGIN), (size[0] + MARGIN, size[1] + MARGIN))


def _cut_corner(canvas: Canvas, floor: Rect, corner: int) -> None:
    share = canvas.rng.uniform(0.2, 0.5, 2)
    for axis in (0, 1):
        low, high = floor.low[axis], floor.high[axis]
        cut = share[axis] * (high - low)
        ends = (low, low + cut) if corner >> axis & 1 else (high - cut, high)
        floor = floor.spanning(axis, *ends)
    canvas.carve(floor, 255)
    canvas.rooms = [room for room in canvas.rooms if not _overlap(room, floor)]


def _overlap(a: Rect, b: Rect) -> bool:
    return all(a.low[k] < b.high[k] and b.low[k] < a.high[k] for k in (0, 1))


def _block(canvas: Canvas, rect: Rect, sides: set[Side]) -> None:
    """Fill a block with rooms, or lay a corridor through it; ``sides`` have corridors already."""
    rng, short = canvas.rng, int(np.argmin(rect.size))
    faces = sorted(side for side in sides if side[0] == short)
    if min(rect.size) < 2.2:
        return
    is_shallow = faces and rect.size[short] <= ROOM_DEPTH * len(faces)
    if is_shallow and (rect.size[1 - short] < 25 or len(sides) > 1):
        _fill(canvas, rect, sides, faces)
        return
    # Across a deep block the corridor may run either way; a shallow one is cut to shorter rows.
    axis = 1 - short if is_shallow or rng.random() < 0.35 else short
    width = rng.uniform(*CORRIDOR)
    at = rect.low[axis] + rect.size[axis] * rng.uniform(0.3, 0.7) - width / 2
    canvas.carve(_shortened(rect.spanning(axis, at, at + width), 1 - axis, sides, rng))
    _block(canvas, rect.spanning(axis, rect.low[axis], at), sides | {(axis, 1)})
    _block(canvas, rect.spanning(axis, at + width, rect.high[axis]), sides | {(axis, 0)})


def _shortened(corridor: Rect, axis: int, sides: set[Side], rng: np.random.Generator) -> Rect:
    """Return the corridor, ending before the outer wall, or at a closed fire door, at times."""
    low, high = corridor.low[axis], corridor.high[axis]
    is_joined = (axis, 0) in sides, (axis, 1) in sides
    if not all(is_joined) or rng.random() < 0.15:
        cut = rng.choice((0.3, 0.3, rng.uniform(0.0, 0.3) * (high - low)))
        keeps_high = is_joined[1] if any(is_joined) else rng.random() < 0.5
        low, high = (low + cut, high) if keeps_high else (low, high - cut)
    return corridor.spanning(axis, low, high)


def _fill(canvas: Canvas, rect: Rect, sides: set[Side], faces: list[Side]) -> None:
    rng, axis = canvas.rng, faces[0][0]
    kind = rng.choice(("rooms", "open", "void"), p=(0.77, 0.17, 0.06))
    if kind == "open" and min(rect.size) > 4.0:
        _open_plan(canvas, rect.shrunk(WALL), sides)
    elif kind == "void" and rect.size[0] * rect.size[1] < 150:
        return
    elif len(faces) == 2 and rect.size[axis] > 5.5:
        middle = rect.low[axis] + rect.size[axis] * rng.uniform(0.4, 0.6)
        _row(canvas, rect.spanning(axis, rect.low[axis], middle), [(axis, 0)])
        _row(canvas, rect.spanning(axis, middle, rect.high[axis]), [(axis, 1)])
    else:
        _row(canvas, rect, faces)


def _row(canvas: Canvas, rect: Rect, faces: list[Side]) -> None:
    """Carve rooms side by side with doors to the corridor at ``faces``, a few to each other."""
    rng, along = canvas.rng, 1 - faces[0][0]
    width = rng.uniform(*ROOM_WIDTH)  # rooms of one row are alike
    count = max(1, int(rect.size[along] / width))
    cuts = rect.low[along] + rect.size[along] * np.arange(count + 1) / count
    cuts[1:-1] += rng.normal(0.0, 0.25, count - 1)
    merged = np.r_[True, rng.random(count - 1) > 0.2, True]
    cuts = cuts[merged]
    for low, high in zip(cuts[:-1], cuts[1:]):
        room = rect.spanning(along, low, high).shrunk(WALL)
        canvas.room(room)
        is_front_open = rng.random() < 0.08
        width = 0.7 * room.size[along] if is_front_open else rng.uniform(*DOOR)
        canvas.door(room, faces[rng.integers(len(faces))], width)
        if high < cuts[-1] and rng.random() < 0.15:
            canvas.door(room, (along, 1), rng.uniform(*DOOR))


def _open_plan(canvas: Canvas, room: Rect, sides: set[Side]) -> None:
    """Carve one large room with columns and wide openings to all corridors beside it."""
    rng = canvas.rng
    canvas.room(room)
    for side in sides:
        for _ in range(rng.integers(1, 3)):
            canvas.door(room, side, rng.uniform(1.0, 3.0))
    if rng.random() < 0.6:
        spacing, thick = rng.uniform(3.0, 6.0), rng.uniform(0.3, 0.6)
        for x in np.arange(room.low[0] + spacing / 2, room.high[0] - thick, spacing):
            for y in np.arange(room.low[1] + spacing / 2, room.high[1] - thick, spacing):
                canvas.carve(Rect((x, y), (x + thick, y + thick)), 255)


def _divide(canvas: Canvas, rect: Rect) -> None:
    """Cut a home in two, with a door or a hallway between, until the parts are rooms."""
    rng, axis = canvas.rng, int(np.argmax(rect.size))
    if rect.size[axis] < rng.uniform(4.5, 8.0) or min(rect.size) < 2.4:
        canvas.room(rect.shrunk(WALL / 2))
        return
    hall = rng.uniform(1.1, 1.7) if rect.size[axis] > 9.0 and rng.random() < 0.6 else 0.0
    at = rect.low[axis] + rect.size[axis] * rng.uniform(0.35, 0.65) - hall / 2
    first = rect.spanning(axis, rect.low[axis], at)
    second = rect.spanning(axis, at + hall, rect.high[axis])
    _divide(canvas, first)
    _divide(canvas, second)
    if hall:
        canvas.carve(rect.spanning(axis, at, at + hall).shrunk(WALL / 2))
    for part, end in ((first, 1), (second, 0))[: 2 if hall else 1]:
        for _ in range(1 + (rng.random() < 0.35) + (hall > 0 and rng.random() < 0.5)):
            is_wide = rng.random() < 0.2
            canvas.door(part, (axis, end), rng.uniform(1.4, 3.0) if is_wide else rng.uniform(*DOOR))


def _ring(rect: Rect, rng: np.random.Generator) -> np.ndarray:
    """Return the closed line of a loop: a rectangle with cut or stepped corners, or a round one."""
    low, high = np.array(rect.low), np.array(rect.high)
    if rng.random() < 0.2:
        angle = np.linspace(0.0, 2 * np.pi, 48)
        radius = 0.85 + 0.15 * np.cos(rng.integers(2, 4) * angle + rng.uniform(0, 6.28))
        circle = np.stack([np.cos(angle), np.sin(angle)], -1) * radius[:, None]
        return (low + high) / 2 + circle * (high - low) / 2
    points = []
    for corner, before, after in (
        ((0, 0), (0, 1), (1, 0)), ((1, 0), (-1, 0), (0, 1)),
        ((1, 1), (0, -1), (-1, 0)), ((0, 1), (1, 0), (0, -1)),
    ):  # fmt: skip
        cut = rng.uniform(0.1, 0.4) * (high - low).min()
        place = low + np.array(corner) * (high - low)
        into, out = place + cut * np.array(before), place + cut * np.array(after)
        inner = into + cut * np.array(after)
        kind = rng.choice(("square", "chamfer", "step"), p=(0.5, 0.3, 0.2))
        points += {"square": [place], "chamfer": [into, out], "step": [into, inner, out]}[kind]
    return np.array([*points, points[0]])


def _elbow(start: np.ndarray, end: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Return a straight way or one around a right-angled corner."""
    corner = np.array([start[0], end[1]]) if rng.random() < 0.5 else np.array([end[0], start[1]])
    return [start, end] if rng.random() < 0.3 else [start, corner, end]


def _rooms_along(
    canvas: Canvas, line: np.ndarray, width: float, count: int, largest: float = 6.0
) -> None:
    """Hang rooms on both sides of a corridor where there is still space, with a door each."""
    rng = canvas.rng
    for _ in range(count):
        leg = rng.integers(len(line) - 1)
        step = line[leg + 1] - line[leg]
        length = np.linalg.norm(step)
        if length < 3.0:
            continue
        along = step / length
        normal = np.array([-along[1], along[0]]) * rng.choice((-1, 1))
        size = np.array([rng.uniform(2.0, min(largest, length)), rng.uniform(1.2, largest)])
        door = line[leg] + step * rng.uniform(0.15, 0.85)
        middle = door + normal * (width / 2 + 2 * WALL + size[1] / 2)
        axes = np.stack([along, normal])
        if canvas.is_solid(middle + _lattice(size / 2 + WALL) @ axes):
            canvas.polygon(middle + SQUARE * size / 2 @ axes)
            canvas.passage([door, middle], rng.choice((rng.uniform(*DOOR), size[0] * 0.8)))


def _hall(canvas: Canvas, middle: np.ndarray, floor: Rect) -> None:
    """Carve a lobby or a machine room around a point, within the floor."""
    half = canvas.rng.uniform(2.0, 6.0, 2)
    low, high = np.maximum(middle - half, floor.low), np.minimum(middle + half, floor.high)
    canvas.room(Rect(tuple(low), tuple(high)))


def _lattice(half: np.ndarray) -> np.ndarray:
    return np.stack(np.meshgrid(*(np.linspace(-h, h, 9) for h in half)), -1).reshape(-1, 2)


def _on_line(line: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    leg = rng.integers(len(line) - 1)
    return line[leg] + (line[leg + 1] - line[leg]) * rng.random()
