// Sorting of tables, and how long ago a day was. Everything is there without it; nothing is asked of a network.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.k ?? row.cells[column].textContent.trim();
      const rows = [...table.tBodies[0].rows];
      const sign = up ? 1 : -1;
      rows.sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        const [p, q] = [x === "" ? NaN : Number(x), y === "" ? NaN : Number(y)];
        if (!Number.isNaN(p) && !Number.isNaN(q)) return sign * (p - q);
        if (x === "" || y === "") return x === y ? 0 : x === "" ? 1 : -1;
        return sign * x.localeCompare(y);
      });
      table.tBodies[0].append(...rows);
    });
  });
}
const today = Date.now();
for (const time of document.querySelectorAll("time")) {
  const days = Math.floor((today - Date.parse(time.dateTime)) / 86400000);
  if (days >= 0) time.title = days === 0 ? "today" : days === 1 ? "yesterday" : days + " days ago";
}
