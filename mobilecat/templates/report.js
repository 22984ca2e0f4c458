"use strict";
(() => {
  const all = (query, within = document) => [...within.querySelectorAll(query)];

  // Labels that would cover one another step down, line by line; one that finds no place is hidden.
  const placed = (svg) => {
    if (svg.closest(".small") || document.body.classList.contains("untagged")) return;
    const taken = [];
    for (const text of all(".layer.tags:not(.off) text", svg)) {
      text.dataset.dy ??= text.getAttribute("dy");
      let found = false;
      for (let step = 0; step < 9 && !found; step++) {
        text.setAttribute("dy", `${parseFloat(text.dataset.dy) + 1.2 * step}em`);
        const b = text.getBBox();
        found = !taken.some((t) => b.x < t.x + t.width && t.x < b.x + b.width && b.y < t.y + t.height && t.y < b.y + b.height);
        if (found) taken.push(b);
      }
      text.classList.toggle("crowded", !found);
    }
  };
  let waiting = 0;
  const relabel = () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => all(".case svg[data-whole]").forEach(placed));
  };

  // Layers: one switch a runner, for every picture of the page.
  document.documentElement.classList.add("js"); // without a script, every picture is open
  const apply = (box) => {
    for (const g of all(`.layer[data-layer="${box.value}"]`)) g.classList.toggle("off", !box.checked);
    relabel();
  };
  for (const box of all("input[data-switch]")) {
    box.addEventListener("change", () => apply(box));
    apply(box); // a browser may keep what was chosen before a reload
  }
  for (const box of all("input[data-tags]")) {
    const tag = () => { document.body.classList.toggle("untagged", !box.checked); relabel(); };
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

  // Pictures: small until they are asked for; found by name, or by what failed.
  const cases = all(".case");
  const open = (one, yes) => {
    one.classList.toggle("small", !yes);
    const button = one.querySelector("[data-open]");
    if (button) { button.textContent = yes ? "close" : "open"; button.setAttribute("aria-expanded", yes); }
    relabel();
  };
  for (const one of cases) {
    const button = one.querySelector("[data-open]");
    if (!button) continue;
    open(one, !one.classList.contains("small"));
    button.addEventListener("click", () => open(one, one.classList.contains("small")));
    one.querySelector(".stage").addEventListener("click", () => {
      if (!one.classList.contains("small")) return;
      open(one, true);
      one.scrollIntoView({ block: "nearest" });
    });
  }
  const finder = document.querySelector(".finder"), rest = document.querySelector("details.rest");
  rest?.addEventListener("toggle", relabel); // what is folded has no size to place labels by
  if (finder) {
    const failures = finder.querySelector("[data-failures]"), find = finder.querySelector("[data-find]");
    const filter = () => {
      const words = find.value.trim().toLowerCase();
      let count = 0;
      for (const one of cases) {
        const yes = (!failures.checked || one.dataset.verdict === "FAIL") && one.dataset.name.includes(words);
        one.hidden = !yes;
        count += yes;
      }
      if (rest) {
        rest.hidden = cases.every((one) => one.hidden || !rest.contains(one));
        if (words) rest.open = true;
      }
      finder.querySelector("[data-count]").textContent = `${count} of ${cases.length}`;
    };
    failures.addEventListener("change", filter);
    find.addEventListener("input", filter);
    finder.querySelector("[data-all]").addEventListener("click", (e) => {
      const yes = e.target.textContent === "open all";
      if (rest && yes) rest.open = true;
      for (const one of cases) if (!one.hidden) open(one, yes);
      e.target.textContent = yes ? "close all" : "open all";
    });
    filter();
  }

  // Halves: one result left of a line, another right of it, on every picture that is open.
  const halves = document.querySelector("[data-halves]");
  const picks = all("select[data-half]");
  const cut = (svg) => {
    const slider = svg.parentElement.querySelector(".cut");
    const [, , width, height] = svg.dataset.whole.split(" ").map(Number);
    const on = halves?.checked;
    slider.hidden = !on;
    let box = svg.querySelector("clipPath");
    if (on && !box) {
      const made = (name, parent) => parent.appendChild(document.createElementNS(svg.namespaceURI, name));
      for (const side of [0, 1]) {
        const clip = made("clipPath", svg);
        clip.id = `half-${cases.indexOf(svg.closest(".case"))}-${side}`;
        made("rect", clip).setAttribute("height", height);
      }
      made("line", svg).setAttribute("class", "seam");
    }
    const clips = all("clipPath", svg), at = (slider.value / 1000) * width;
    for (const g of all("g.layer", svg)) {
      const side = picks.findIndex((p) => p.value === g.dataset.layer);
      const whole = g.classList.contains("tags") && side < 0; // the golden's labels stay
      g.classList.toggle("beside", !!on && side < 0 && !whole);
      if (on && side >= 0) g.setAttribute("clip-path", `url(#${clips[side].id})`);
      else g.removeAttribute("clip-path");
    }
    if (!on) { svg.querySelector(".seam")?.setAttribute("visibility", "hidden"); return; }
    const far = 4 * width; // a box may reach beyond the picture
    const put = (element, values) => Object.entries(values).forEach(([k, v]) => element.setAttribute(k, v));
    put(clips[0].firstChild, { x: at - far, y: -height, width: far, height: 3 * height });
    put(clips[1].firstChild, { x: at, y: -height, width: far, height: 3 * height });
    put(svg.querySelector(".seam"), { x1: at, x2: at, y1: 0, y2: height, visibility: "visible" });
  };
  if (halves) {
    const every = () => {
      document.querySelector(".pair").hidden = !halves.checked;
      document.body.classList.toggle("halved", halves.checked);
      all(".case svg[data-whole]").forEach(cut);
    };
    for (const control of [halves, ...picks]) control.addEventListener("change", every);
    for (const slider of all(".cut")) {
      slider.addEventListener("input", () => cut(slider.parentElement.querySelector("svg")));
    }
    every();
  }

  for (const stage of cases) {
    const svg = stage.querySelector("svg[data-whole]");
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
      relabel();
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

  // A clip, frame by frame: play at its own times, step, go to the next frame that differs.
  for (const reel of all("[data-reel]")) {
    const frames = all(".reel-frame", reel), scrub = reel.querySelector("[data-scrub]");
    const play = reel.querySelector("[data-play]");
    let at = 0, timer = 0;
    const show = (k) => {
      at = (k + frames.length) % frames.length;
      frames.forEach((f, i) => { f.hidden = i !== at; });
      scrub.value = at;
      reel.querySelector("[data-now]").textContent = frames[at].dataset.says;
      reel.querySelector("[data-why]").textContent = frames[at].dataset.differs;
    };
    const stop = () => { clearTimeout(timer); timer = 0; play.textContent = "play"; };
    const tick = () => {
      const apart = frames[(at + 1) % frames.length].dataset.seconds - frames[at].dataset.seconds;
      timer = setTimeout(() => { show(at + 1); tick(); }, 1000 * (apart > 0 ? Math.min(apart, 2) : 0.5));
    };
    play.addEventListener("click", () => { if (timer) return stop(); play.textContent = "stop"; tick(); });
    const next = () => {
      stop();
      for (let i = 1; i <= frames.length; i++) {
        const k = (at + i) % frames.length;
        if (frames[k].dataset.differs) return show(k);
      }
    };
    reel.querySelector("[data-next]").addEventListener("click", next);
    for (const b of all("[data-step]", reel)) b.addEventListener("click", () => { stop(); show(at + Number(b.dataset.step)); });
    scrub.addEventListener("input", () => { stop(); show(Number(scrub.value)); });
    reel.addEventListener("keydown", (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || e.target === scrub) return;
      if (e.key === "n") next();
      else if (e.key === "ArrowRight" || e.key === "ArrowLeft") { stop(); show(at + (e.key === "ArrowRight" ? 1 : -1)); }
      else return;
      e.preventDefault();
    });
    const first = frames.findIndex((f) => f.dataset.differs);
    show(Math.max(0, first));
  }
})();
