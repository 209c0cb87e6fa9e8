// The page's side of `xy_pad`: runs once for each view of it, as the `onload` of an image in the pad (`this` is that image).
// A square in which the pointer, or the arrow keys, choose a point. It goes to the kernel as the text of a text widget beside the
// pad, which the page hides: two numbers with a space between. So nothing but the widgets of ipywidgets itself is needed.
const pad = this.parentNode, { min, max, x: acrossName, y: upName } = JSON.parse(pad.dataset.xy);
const canvas = pad.querySelector('canvas'), pen = canvas.getContext('2d');
const wire = () => pad.closest('.saddle-paint')?.querySelector('.widget-text input');
const edge = 12, span = canvas.width - 2 * edge, step = (max - min) / 60;
// Where the arrow keys go back to: 0, or the middle where that is outside.
const home = min > 0 || max < 0 ? (min + max) / 2 : 0;
let point = [home, home], heard = null, waiting = false;

const across = v => edge + (v - min) / (max - min) * span, down = v => edge + (max - v) / (max - min) * span;
// Four decimals of the span: what a pointer can tell apart.
const fit = v => +Math.min(max, Math.max(min, v)).toPrecision(4);

function draw() {
    const ink = getComputedStyle(pad.querySelector('div')).color;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.strokeStyle = ink;
    pen.lineWidth = 1;
    pen.globalAlpha = 0.25;
    for (let v = Math.ceil(min); v <= max; v += Math.max(1, Math.round((max - min) / 8))) {
        pen.beginPath();
        pen.moveTo(across(v), edge); pen.lineTo(across(v), edge + span);
        pen.moveTo(edge, down(v)); pen.lineTo(edge + span, down(v));
        pen.stroke();
    }
    pen.globalAlpha = 0.7;
    pen.beginPath();
    pen.moveTo(across(home), edge); pen.lineTo(across(home), edge + span);
    pen.moveTo(edge, down(home)); pen.lineTo(edge + span, down(home));
    pen.stroke();
    pen.globalAlpha = 1;
    pen.fillStyle = wire()?.disabled ? '#888888' : '#0072b2';
    pen.beginPath();
    pen.arc(across(point[0]), down(point[1]), 7, 0, 7);
    pen.fill();
    const told = `${acrossName} ${point[0].toFixed(2)}, ${upName} ${point[1].toFixed(2)}`;
    pad.querySelector('[name=said]').textContent = told;
    canvas.setAttribute('aria-valuetext', told);
}

function say() {
    waiting = false;
    const to = wire();
    if (!to) return;
    heard = to.value = point.join(' ');
    to.dispatchEvent(new Event('input', { bubbles: true }));
}

function go(x, y) {
    if (wire()?.disabled) return;
    point = [fit(x), fit(y)];
    draw();
    if (!waiting) { waiting = true; setTimeout(say, 50); }
}

// What the kernel, or another view, has set since.
function listen() {
    const from = wire();
    if (!from || waiting || from.value === heard) return;
    heard = from.value;
    const given = heard.split(' ').map(Number);
    if (given.length === 2 && given.every(Number.isFinite)) point = given;
    draw();
}

function follow(event) {
    const box = canvas.getBoundingClientRect(), scale = canvas.width / box.width;
    const u = (event.clientX - box.left) * scale, v = (event.clientY - box.top) * scale;
    go(min + (u - edge) / span * (max - min), max - (v - edge) / span * (max - min));
}
let dragging = false;
canvas.onpointerdown = event => {
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    dragging = true;
    follow(event);
};
canvas.onpointermove = event => { if (dragging) follow(event); };
canvas.onpointerup = canvas.onpointercancel = () => { dragging = false; };
// The notebook would begin to drag or select the cell.
pad.onmousedown = event => event.stopPropagation();

canvas.onkeydown = event => {
    const far = step * (event.shiftKey ? 5 : 1);
    const by = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] }[event.key];
    if (by) go(point[0] + by[0], point[1] + by[1]);
    else if (event.key === 'Home' || event.key === '0') go(home, home);
    else return;
    event.preventDefault();
    event.stopPropagation();
};

draw();
// A view that is gone for long, as after its cell was run again, is not looked after any more.
let gone = 0;
const timer = setInterval(() => {
    if (pad.isConnected) { gone = 0; listen(); } else if (++gone > 6000) clearInterval(timer);
}, 100);
