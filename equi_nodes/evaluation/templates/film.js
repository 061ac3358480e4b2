"use strict";
// Plays the recording: frames of [id, x, y, modes], lengths in centimetres from a local origin.
(function () {
  const film = JSON.parse(document.getElementById("film").textContent);
  const player = document.querySelector(".player");
  const canvas = player.querySelector("canvas");
  const slider = player.querySelector("input");
  const button = player.querySelector("button");
  const clock = player.querySelector("output");
  const pen = canvas.getContext("2d");
  const [left, bottom, right, top] = film.bounds;
  const steps = Math.round(film.horizon / film.step);
  const paths = new Map();
  film.frames.forEach((frame, index) => frame.forEach(([id, x, y]) => {
    if (!paths.has(id)) paths.set(id, new Map());
    paths.get(id).set(index, [x, y]);
  }));
  let index = 0, timer = null, view = null;

  function resize() {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const scale = Math.min(canvas.clientWidth / (right - left), canvas.clientHeight / (top - bottom));
    view = {
      ratio, scale,
      x: (canvas.clientWidth - scale * (right - left)) / 2 - scale * left,
      y: (canvas.clientHeight + scale * (top - bottom)) / 2 + scale * bottom,
    };
    draw();
  }

  function line(points, colour, width, alpha) {
    if (points.length < 2) return;
    pen.globalAlpha = alpha;
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    points.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](view.x + view.scale * x, view.y - view.scale * y));
    pen.stroke();
  }

  function between(id, first, last) {
    const points = [];
    for (let i = first; i <= last; i++) if (paths.get(id).has(i)) points.push(paths.get(id).get(i));
    return points;
  }

  function scaleBar() {
    const width = 200 * view.scale, y = canvas.clientHeight - 18;
    pen.globalAlpha = 1;
    pen.strokeStyle = pen.fillStyle = "#667080";
    pen.lineWidth = 1.5;
    pen.beginPath(); pen.moveTo(16, y); pen.lineTo(16 + width, y); pen.stroke();
    pen.font = "12px system-ui, sans-serif";
    pen.fillText("2 m", 16, y - 6);
  }

  function draw() {
    const frame = film.frames[index];
    pen.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    pen.lineCap = pen.lineJoin = "round";
    for (const [id] of frame) line(between(id, index - film.tail, index), "#8a94a3", 1.6, 0.9);
    for (const [id] of frame) line(between(id, index, index + steps), "#e4572e", 1.6, 0.75);
    for (const [, x, y, modes] of frame)
      for (const [chance, ...numbers] of modes) {
        const points = [[x, y]];
        for (let i = 0; i < numbers.length; i += 2) points.push([x + numbers[i], y + numbers[i + 1]]);
        const weight = Math.sqrt(chance / 100);
        line(points, "#1f6fd6", 0.8 + 2.6 * weight, Math.min(0.95, 0.05 + 1.2 * weight));
      }
    pen.globalAlpha = 1;
    for (const [, x, y] of frame) {
      pen.beginPath();
      pen.arc(view.x + view.scale * x, view.y - view.scale * y, 4, 0, 2 * Math.PI);
      pen.fillStyle = "#1c2430"; pen.fill();
      pen.strokeStyle = "#fff"; pen.lineWidth = 1; pen.stroke();
    }
    scaleBar();
    slider.value = index;
    clock.textContent = (index * film.step).toFixed(1) + " s";
  }

  function pause() { clearInterval(timer); timer = null; button.textContent = "Play"; }

  function play() {
    if (index >= film.frames.length - 1) index = 0;
    button.textContent = "Pause";
    timer = setInterval(() => { if (index < film.frames.length - 1) { index++; draw(); } else pause(); }, 1000 * film.step);
  }

  slider.max = film.frames.length - 1;
  index = film.opening;
  slider.addEventListener("input", () => { pause(); index = Number(slider.value); draw(); });
  button.addEventListener("click", () => (timer === null ? play() : pause()));
  window.addEventListener("resize", resize);
  resize();
})();
