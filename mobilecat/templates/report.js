"use strict";
(() => {
  const all = (query, within = document) => [...within.querySelectorAll(query)];

  // Layers: one switch a runner, for every picture of the page.
  const apply = (box) => {
    for (const g of all(`.layer[data-layer="${box.value}"]`)) g.classList.toggle("off", !box.checked);
  };
  for (const box of all("input[data-switch]")) {
    box.addEventListener("change", () => apply(box));
    apply(box); // a browser may keep what was chosen before a reload
  }

  for (const stage of all(".case")) {
    const svg = stage.querySelector("svg");
    if (!svg) continue;
    const [, , width, height] = svg.dataset.whole.split(" ").map(Number);
    let view = [0, 0, width, height];
    const show = (x, y, w) => {
      w = Math.min(width, Math.max(width / 40, w));
      const h = (w / width) * height;
      view = [Math.min(width - w, Math.max(0, x)), Math.min(height - h, Math.max(0, y)), w, h];
      svg.setAttribute("viewBox", view.map((v) => v.toFixed(2)).join(" "));
      svg.classList.toggle("near", w < width);
    };
    const zoom = (by, cx = view[0] + view[2] / 2, cy = view[1] + view[3] / 2) => {
      const w = Math.min(width, Math.max(width / 40, view[2] / by));
      show(cx - ((cx - view[0]) * w) / view[2], cy - ((cy - view[1]) * w) / view[2], w);
    };
    const act = {
      in: () => zoom(1.6), out: () => zoom(1 / 1.6), fit: () => show(0, 0, width),
      left: () => show(view[0] - view[2] / 8, view[1], view[2]),
      right: () => show(view[0] + view[2] / 8, view[1], view[2]),
      up: () => show(view[0], view[1] - view[3] / 8, view[2]),
      down: () => show(view[0], view[1] + view[3] / 8, view[2]),
    };
    for (const b of all("button[data-act]", stage)) b.addEventListener("click", act[b.dataset.act]);
    const keys = { "+": "in", "=": "in", "-": "out", 0: "fit" };
    const arrows = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
    svg.addEventListener("keydown", (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      const name = keys[e.key] || (view[2] < width ? arrows[e.key] : undefined);
      if (name) { act[name](); e.preventDefault(); }
    });
    for (const b of all("button[data-frame]", stage)) b.addEventListener("click", () => {
      const [x, y, w, h] = b.dataset.frame.split(" ").map(Number);
      const side = Math.max(w, (h * width) / height, width / 40) * 1.8;
      show(x + w / 2 - side / 2, y + h / 2 - (side * height) / width / 2, side);
      svg.focus({ preventScroll: true });
      svg.scrollIntoView({ block: "nearest" });
    });
    svg.addEventListener("wheel", (e) => {
      if (!e.ctrlKey) return; // a page must scroll
      e.preventDefault();
      const r = svg.getBoundingClientRect();
      const at = [(e.clientX - r.left) / r.width, (e.clientY - r.top) / r.height];
      zoom(e.deltaY < 0 ? 1.15 : 1 / 1.15, view[0] + at[0] * view[2], view[1] + at[1] * view[3]);
    }, { passive: false });
    let from = null;
    svg.addEventListener("pointerdown", (e) => {
      if (view[2] >= width) return;
      from = [e.clientX, e.clientY, view[0], view[1]];
      svg.setPointerCapture(e.pointerId);
    });
    svg.addEventListener("pointermove", (e) => {
      if (!from) return;
      const scale = view[2] / svg.getBoundingClientRect().width;
      show(from[2] - (e.clientX - from[0]) * scale, from[3] - (e.clientY - from[1]) * scale, view[2]);
    });
    for (const kind of ["pointerup", "pointercancel"]) svg.addEventListener(kind, () => { from = null; });
  }
})();
