"use strict";

// Tables: a click on a head sorts by it, a second click turns the order. Cells without a value stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, index) => {
    head.querySelector("button").addEventListener("click", () => {
      const turn = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const numeric = head.dataset.kind === "number";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", turn === 1 ? "ascending" : "descending");
      const body = table.tBodies[0];
      const keyed = [...body.rows].map((row) => [keyOf(row, index, numeric), row]);
      keyed.sort(([a], [b]) => compare(a, b, turn));
      body.append(...keyed.map(([, row]) => row));
    });
  });
}

function keyOf(row, index, numeric) {
  // A cell that spans several columns stands for each of them.
  let column = 0;
  for (const cell of row.cells) {
    column += cell.colSpan;
    if (index < column) {
      const text = cell.dataset.sort;
      if (text === "") return null;
      if (!numeric) return text;
      const value = Number(text.replace("inf", "Infinity"));
      return Number.isNaN(value) ? null : value;
    }
  }
  return null;
}

function compare(a, b, turn) {
  if (a === null || b === null) return (a === null) - (b === null);
  return turn * (typeof a === "number" ? a - b : a.localeCompare(b));
}

// Along the graph: pointing at the drawing moves the slider, and the slider shows an op.
for (const figure of document.querySelectorAll(".drift")) {
  const points = JSON.parse(figure.querySelector(".drift-data").textContent);
  const [slider, area, cursor] = [".walk", ".area", ".cursor"].map((name) => figure.querySelector(name));
  const show = () => {
    const point = points[slider.value];
    for (const cell of figure.querySelectorAll("[data-part]")) cell.textContent = point[cell.dataset.part] || "–";
    cursor.style.left = `${(100 * (Number(slider.value) + 0.5)) / points.length}%`;
  };
  slider.addEventListener("input", show);
  area.addEventListener("pointermove", (event) => {
    const box = area.getBoundingClientRect();
    slider.value = Math.floor((points.length * (event.clientX - box.left)) / box.width);
    show();
  });
}

// The snippet's button: the selection stays as a sign, and where a page may not copy, it is there to be copied.
for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", () => {
    const code = button.parentElement.querySelector("code");
    getSelection().selectAllChildren(code);
    button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
  });
}
