// Strokes on a canvas: discs swept along curves, as drawgen_envs/brush.py says.

const colour = ([red, green, blue], alpha = 1) => `rgb(${Math.round(255 * red)} ${Math.round(255 * green)} ${Math.round(255 * blue)} / ${alpha})`;

/** The outline of a disc that moves along a line while its radius changes, as a closed path that runs clockwise. */
function sweep(path, [ax, ay, ar], [bx, by, br]) {
  const dx = bx - ax, dy = by - ay, far = Math.hypot(dx, dy);
  if (far <= Math.abs(ar - br) + 1e-6) { // one disc lies in the other
    const [x, y, r] = ar > br ? [ax, ay, ar] : [bx, by, br];
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 2 * Math.PI);
    return;
  }
  const way = Math.atan2(dy, dx), turn = Math.acos((ar - br) / far);
  path.moveTo(ax + ar * Math.cos(way + turn), ay + ar * Math.sin(way + turn));
  path.arc(ax, ay, ar, way + turn, way - turn);
  path.arc(bx, by, br, way - turn, way + turn);
  path.closePath();
}

/** The path of a stroke, one of a painting's rows of numbers, on a canvas of this size. */
export function outline(stroke, width, height) {
  const [x0, y0, x1, y1, x2, y2, r0, r1] = stroke;
  const short = Math.min(width, height);
  const path = new Path2D();
  const long = Math.hypot((x1 - x0) * width, (y1 - y0) * height) + Math.hypot((x2 - x1) * width, (y2 - y1) * height);
  const count = Math.min(24, Math.max(2, Math.ceil(long / 12)));
  const at = (t) => [
    ((1 - t) ** 2 * x0 + 2 * t * (1 - t) * x1 + t ** 2 * x2) * width,
    ((1 - t) ** 2 * y0 + 2 * t * (1 - t) * y1 + t ** 2 * y2) * height,
    Math.max(0, r0 + t * (r1 - r0)) * short];
  let last = at(0);
  for (let k = 1; k <= count; k += 1) {
    const next = at(k / count);
    sweep(path, last, next);
    last = next;
  }
  return path;
}

/** Draws the first strokes of a painting (as in its JSON file) on a canvas; all of them by default. */
export function draw(canvas, painting, count = painting.strokes.length) {
  const context = canvas.getContext('2d');
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  if (painting.background) {
    context.fillStyle = colour(painting.background);
    context.fillRect(0, 0, width, height);
  }
  for (const stroke of painting.strokes.slice(0, count)) {
    context.fillStyle = colour(stroke.slice(10, 13), stroke[8]);
    context.fill(outline(stroke, width, height));
  }
}
