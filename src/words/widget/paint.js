// The page's side of `paint`: runs once for each view of it, as the `onload` of an image in the pad (`this` is that image).
// A canvas over the picture, painted with mouse, pen, finger or keyboard. What is painted goes to the kernel as the text of a
// text widget beside the pad, which the page hides: bytes in base64, a plane of the mask, then one plane for each channel of ink.
// So nothing but the widgets of ipywidgets itself is needed.
const pad = this.parentNode, { h, w, c, zoom } = JSON.parse(pad.dataset.paint);
const canvas = pad.querySelector('canvas'), pen = canvas.getContext('2d');
const part = name => pad.querySelector('[name=' + name + ']');
const wire = () => pad.closest('.saddle-paint')?.querySelector('.widget-text input');
const n = h * w, bytes = new Uint8Array(n * (1 + c));
const cursor = { x: w >> 1, y: h >> 1, shown: false, down: false };
let heard = null, waiting = false, last = null;

const brush = () => Math.max(0.5, +part('brush').value);
const ink = () => c === 1 ? [Math.round(255 * part('ink').value)]
    : [1, 3, 5].map(i => parseInt(part('ink').value.slice(i, i + 2), 16));

function draw() {
    pen.clearRect(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < n; i++) {
        if (!bytes[i]) continue;
        const x = i % w * zoom, y = (i / w | 0) * zoom, of = k => bytes[n * (1 + Math.min(k, c - 1)) + i];
        pen.globalAlpha = bytes[i] / 255;
        pen.fillStyle = `rgb(${of(0)},${of(1)},${of(2)})`;
        pen.fillRect(x, y, zoom, zoom);
        // Black ink on black is seen by its mark.
        pen.fillStyle = '#e69f00';
        pen.fillRect(x + zoom * 0.38, y + zoom * 0.38, zoom * 0.24, zoom * 0.24);
    }
    pen.globalAlpha = 1;
    if (cursor.shown) {
        pen.strokeStyle = cursor.down ? '#d55e00' : '#0072b2';
        pen.lineWidth = 2;
        pen.beginPath();
        pen.arc((cursor.x + 0.5) * zoom, (cursor.y + 0.5) * zoom, brush() * zoom, 0, 7);
        pen.stroke();
    }
    let painted = 0;
    for (let i = 0; i < n; i++) painted += bytes[i] > 0;
    part('said').textContent = `${painted} of ${n} pixels painted`;
}

function say() {
    waiting = false;
    const to = wire();
    if (!to) return;
    let text = '';
    for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
    heard = to.value = bytes.some(b => b) ? btoa(text) : '';
    to.dispatchEvent(new Event('input', { bubbles: true }));
}

function changed() {
    draw();
    if (!waiting) { waiting = true; setTimeout(say, 50); }
}

// What the kernel, or another view, has set since.
function listen() {
    const from = wire();
    if (!from) return;
    canvas.style.opacity = from.disabled ? 0.5 : 1;
    if (waiting || from.value === heard) return;
    heard = from.value;
    bytes.fill(0);
    const text = heard ? atob(heard) : '';
    if (text.length === bytes.length) for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    draw();
}

function dab(x, y, rub) {
    const r = brush(), colour = ink();
    for (let v = Math.max(0, Math.ceil(y - r)); v <= Math.min(h - 1, y + r); v++)
        for (let u = Math.max(0, Math.ceil(x - r)); u <= Math.min(w - 1, x + r); u++)
            if ((u - x) ** 2 + (v - y) ** 2 <= r * r) {
                const i = v * w + u;
                bytes[i] = rub ? 0 : 255;
                for (let k = 0; k < c; k++) bytes[n * (1 + k) + i] = rub ? 0 : colour[k];
            }
}

function stroke(to, rub) {
    const from = last || to, steps = Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])) || 1;
    for (let s = 1; s <= steps; s++) dab(from[0] + (to[0] - from[0]) * s / steps, from[1] + (to[1] - from[1]) * s / steps, rub);
    // Pixel centres lie on whole numbers; a brush thinner than a pixel still paints the one it is on.
    dab(Math.round(to[0]), Math.round(to[1]), rub);
    last = to;
    changed();
}

const free = () => !wire()?.disabled;
const rubs = event => part('rub').checked || event.shiftKey || event.button === 2 || event.buttons === 2;
function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * w - 0.5, (event.clientY - box.top) / box.height * h - 0.5];
}
canvas.onpointerdown = event => {
    if (!free()) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    cursor.shown = false;
    last = null;
    stroke(place(event), rubs(event));
};
canvas.onpointermove = event => { if (event.buttons && last) stroke(place(event), rubs(event)); };
canvas.onpointerup = canvas.onpointercancel = () => { last = null; };
canvas.oncontextmenu = event => event.preventDefault();
// The notebook would begin to drag or select the cell.
pad.onmousedown = event => event.stopPropagation();

canvas.onkeydown = event => {
    const far = event.shiftKey ? 4 : 1;
    const by = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
    const limit = (v, top) => Math.min(top - 1, Math.max(0, v));
    if (by) {
        const from = [cursor.x, cursor.y];
        cursor.x = limit(cursor.x + by[0], w);
        cursor.y = limit(cursor.y + by[1], h);
        if (cursor.down && free()) { last = from; stroke([cursor.x, cursor.y], part('rub').checked); last = null; }
    } else if (event.key === ' ' || event.key === 'Enter') {
        cursor.down = !cursor.down && free();
        if (cursor.down) { last = null; stroke([cursor.x, cursor.y], part('rub').checked); last = null; }
    } else if (event.key === 'e') part('rub').checked = !part('rub').checked;
    else if (event.key === 'Delete') return part('clear').click();
    else if (event.key === '+' || event.key === '-') part('brush').value = brush() + (event.key === '+' ? 0.5 : -0.5);
    else return;
    event.preventDefault();
    event.stopPropagation();
    cursor.shown = true;
    draw();
};
canvas.onblur = () => { cursor.shown = cursor.down = false; draw(); };
canvas.onfocus = () => { cursor.shown = canvas.matches(':focus-visible'); draw(); };
part('clear').onclick = () => { if (free()) { bytes.fill(0); changed(); } };

draw();
// A view that is gone for long, as after its cell was run again, is not looked after any more.
let gone = 0;
const timer = setInterval(() => {
    if (pad.isConnected) { gone = 0; listen(); } else if (++gone > 6000) clearInterval(timer);
}, 100);
