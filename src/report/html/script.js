// Sorts, filters and pages tables, zooms timelines. All of the report is there without it.
"use strict";
(() => {
  const PAGE = 100;

  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // --- tables: every row is a tbody, its second line unfolds ---

  /** What a row is sorted by in a column: the number behind a cell, else its text. */
  const key = (row, column) => {
    const cell = row.rows[0].cells[column];
    return cell.dataset.v === undefined ? cell.textContent.trim().toLowerCase() : Number(cell.dataset.v);
  };

  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));

  /** Makes a table sort, filter and turn pages. `rest` holds folds with more rows of it. */
  const enhance = (table, rest, noun) => {
    const rows = [...table.tBodies];
    for (const fold of rest) {
      rows.push(...fold.querySelectorAll("table > tbody"));
      fold.remove();
    }
    if (rows.length < 2) return;
    let shown = rows, page = 0, sorted = null;
    const texts = new Map();
    const text = (row) => {
      if (!texts.has(row)) texts.set(row, [row.rows[0], row.querySelector("summary")].map((part) => part?.textContent.toLowerCase()).join(" "));
      return texts.get(row);
    };
    const status = make("span", { role: "status" });
    const filter = make("input", { type: "search", placeholder: "filter: CN, media, deny …", spellcheck: false });
    filter.setAttribute("aria-label", `Filter ${noun}`);
    const back = make("button", { type: "button", textContent: "‹" });
    back.setAttribute("aria-label", "Previous page");
    const next = make("button", { type: "button", textContent: "›" });
    next.setAttribute("aria-label", "Next page");

    const show = () => {
      const pages = Math.max(1, Math.ceil(shown.length / PAGE));
      page = Math.min(Math.max(page, 0), pages - 1);
      const part = shown.slice(page * PAGE, page * PAGE + PAGE);
      table.replaceChildren(...[table.caption, table.tHead].filter(Boolean), ...part);
      const of = shown.length === rows.length ? `${rows.length} ${noun}` : `${shown.length} of ${rows.length} ${noun}`;
      status.textContent = pages > 1 ? `${of}, ${page * PAGE + 1} to ${page * PAGE + part.length} shown` : of;
      back.hidden = next.hidden = rows.length <= PAGE;
      back.disabled = page === 0;
      next.disabled = page === pages - 1;
    };
    const pick = () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      shown = words.length ? rows.filter((row) => words.every((word) => text(row).includes(word))) : rows.slice();
      if (sorted) {
        const keys = new Map(shown.map((row) => [row, key(row, sorted.column)]));
        shown.sort((a, b) => sorted.sign * compare(keys.get(a), keys.get(b)));
      }
      page = 0;
      show();
    };
    let wait;
    filter.addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(pick, rows.length > 1000 ? 200 : 0);
    });
    back.addEventListener("click", () => { page -= 1; show(); });
    next.addEventListener("click", () => { page += 1; show(); });

    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const again = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", again ? "descending" : "ascending");
        sorted = { column, sign: again ? -1 : 1 };
        pick();
      });
    });
    const tools = make("div", { className: "tools" }, filter, back, next, status);
    (table.closest(".scroll") || table).before(tools);
    show();
  };

  for (const block of document.querySelectorAll(".paged")) {
    const folds = [...block.querySelectorAll(":scope > .fold")];
    const table = block.querySelector("table");
    const first = table && table.closest(".fold");
    if (first && folds.length) first.replaceWith(...[...first.children].filter((child) => child.tagName !== "SUMMARY"));
    if (table) enhance(table, folds.filter((fold) => fold !== first), block.dataset.noun);
  }

  // --- timelines: drawn in shares of their width, so zooming is making them wider ---

  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5, 216e5, 864e5];
  const SVG = "http://www.w3.org/2000/svg";

  const zoomable = (figure) => {
    const plot = figure.querySelector(".plot");
    const svg = plot.querySelector("svg");
    const ticks = svg.querySelector(".ticks");
    const plain = [...ticks.childNodes];
    const start = Number(figure.dataset.start), span = Number(figure.dataset.span);
    const height = Number(svg.getAttribute("height"));
    const limit = Math.max(1, Math.min(4096, 2 ** Math.ceil(Math.log2(span / 5))));
    let zoom = 1;

    /** Ticks for what is in view and a little more. */
    const draw = () => {
      if (zoom === 1) {
        ticks.replaceChildren(...plain);
        return;
      }
      const step = STEPS.find((length) => span / zoom / length <= Math.max(2, plot.clientWidth / 110)) || STEPS[STEPS.length - 1];
      const share = (pixels) => pixels / plot.scrollWidth;
      const from = start + span * share(plot.scrollLeft - plot.clientWidth);
      const to = Math.min(start + span, start + span * share(plot.scrollLeft + 2 * plot.clientWidth));
      const made = [];
      for (let time = Math.ceil(Math.max(from, start) / step) * step; time <= to; time += step) {
        const x = `${((time - start) / span) * 100}%`;
        const line = document.createElementNS(SVG, "line");
        line.setAttribute("x1", x);
        line.setAttribute("x2", x);
        line.setAttribute("y2", height - 20);
        const label = document.createElementNS(SVG, "text");
        label.setAttribute("x", x);
        label.setAttribute("y", height - 6);
        label.textContent = new Date(time).toISOString().slice(11, step < 1000 ? 23 : 19);
        made.push(line, label);
      }
      ticks.replaceChildren(...made);
    };
    /** Zooms so that what is at `at`, in pixels from the left of the plot, stays there. */
    const to = (value, at = plot.clientWidth / 2) => {
      const share = (plot.scrollLeft + at) / plot.scrollWidth;
      zoom = Math.min(Math.max(value, 1), limit);
      svg.setAttribute("width", `${zoom * 100}%`);
      plot.scrollLeft = share * plot.scrollWidth - at;
      status.textContent = zoom > 1 ? `zoomed ${zoom} times` : "";
      smaller.disabled = zoom === 1;
      larger.disabled = zoom === limit;
      draw();
    };
    const button = (label, sign, act) => {
      const made = make("button", { type: "button", textContent: sign, title: label });
      made.setAttribute("aria-label", label);
      made.addEventListener("click", act);
      return made;
    };
    const status = make("span", { role: "status" });
    const larger = button("Zoom in", "+", () => to(zoom * 2));
    const smaller = button("Zoom out", "−", () => to(zoom / 2));
    const whole = button("Whole call", "whole call", () => to(1));
    figure.prepend(make("div", { className: "tools" }, larger, smaller, whole, status, make("span", { textContent: "or + − 0 and arrow keys; Ctrl and wheel; double click; drag" })));
    smaller.disabled = true;

    plot.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const act = { "+": () => to(zoom * 2), "=": () => to(zoom * 2), "-": () => to(zoom / 2), 0: () => to(1) }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    const at = (event) => event.clientX - plot.getBoundingClientRect().left;
    plot.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      to(event.deltaY < 0 ? zoom * 2 : zoom / 2, at(event));
    }, { passive: false });
    plot.addEventListener("dblclick", (event) => to(event.shiftKey ? zoom / 2 : zoom * 2, at(event)));
    let grip = null;
    plot.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.pointerType === "mouse") grip = event.clientX + plot.scrollLeft;
    });
    addEventListener("pointermove", (event) => {
      if (grip === null) return;
      plot.classList.add("dragging");
      plot.scrollLeft = grip - event.clientX;
    });
    addEventListener("pointerup", () => {
      grip = null;
      plot.classList.remove("dragging");
    });
    plot.addEventListener("scroll", draw, { passive: true });
  };

  // --- what is folded is a text in a noscript until it is unfolded: there may be a thousand calls ---

  const liven = (call) => {
    // A map that is wider than the screen begins at the country that matters most.
    for (const map of call.querySelectorAll(".map .scroll")) {
      const dot = map.querySelector(".callout");
      if (dot && map.scrollWidth > map.clientWidth) map.scrollLeft += dot.getBoundingClientRect().right - map.getBoundingClientRect().left - map.clientWidth * 0.7;
    }
    call.querySelectorAll(".timeline").forEach(zoomable);
    call.querySelectorAll("table.ends").forEach((table) => enhance(table, [], "far ends"));
  };
  document.querySelectorAll("details.call[open]").forEach(liven);
  document.addEventListener("toggle", ({ target }) => {
    const folded = target.querySelector?.(":scope > noscript");
    if (!folded) return;
    folded.outerHTML = folded.textContent;
    if (target.matches(".call")) liven(target);
  }, true);
})();
