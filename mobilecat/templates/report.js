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
  for (const box of all("input[data-tags]")) {
    const tag = () => document.body.classList.toggle("untagged", !box.checked);
    box.addEventListener("change", tag);
    tag();
  }

  // A page from a file may not be let at the clipboard: then the text is chosen, to be copied.
  for (const button of all("button[data-copy]")) {
    const code = button.parentElement.querySelector("code");
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(code);
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
      } catch {
        button.textContent = "chosen";
      }
    });
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
      size();
    };
    // Letters keep their size on the screen, however near the picture is.
    const size = () => {
      const r = svg.getBoundingClientRect();
      if (r.width) svg.style.setProperty("--k", Math.max(view[2] / r.width, view[3] / r.height));
    };
    new ResizeObserver(size).observe(svg);
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
    const at = (x, y) => { // a place on the screen, in pixels of the picture
      const r = svg.getBoundingClientRect();
      const k = Math.max(view[2] / r.width, view[3] / r.height);
      return [
        view[0] + view[2] / 2 + (x - r.left - r.width / 2) * k,
        view[1] + view[3] / 2 + (y - r.top - r.height / 2) * k, k,
      ];
    };
    svg.addEventListener("wheel", (e) => {
      if (!e.ctrlKey) return; // a page must scroll
      e.preventDefault();
      zoom(e.deltaY < 0 ? 1.15 : 1 / 1.15, ...at(e.clientX, e.clientY).slice(0, 2));
    }, { passive: false });
    const fingers = new Map();
    svg.addEventListener("pointerdown", (e) => {
      fingers.set(e.pointerId, [e.clientX, e.clientY]);
      if (view[2] < width) svg.setPointerCapture(e.pointerId);
    });
    svg.addEventListener("pointermove", (e) => {
      const before = fingers.get(e.pointerId);
      if (!before) return;
      const now = [e.clientX, e.clientY];
      fingers.set(e.pointerId, now);
      const other = [...fingers].find(([id]) => id !== e.pointerId)?.[1];
      if (other) {
        const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
        const [x, y] = at((now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
        if (apart(before) > 0) zoom(apart(now) / apart(before), x, y);
      } else if (view[2] < width) {
        const k = at(0, 0)[2];
        show(view[0] - (now[0] - before[0]) * k, view[1] - (now[1] - before[1]) * k, view[2]);
      }
    });
    for (const kind of ["pointerup", "pointercancel", "pointerleave"]) {
      svg.addEventListener(kind, (e) => fingers.delete(e.pointerId));
    }
  }
})();
