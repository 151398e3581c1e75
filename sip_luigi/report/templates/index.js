"use strict";
(() => {
  const body = document.querySelector("#entries tbody");
  if (!body) return;
  const rows = [...body.rows];
  const [text, verdict, outcome, shown] = ["text", "verdict", "outcome", "shown"].map((id) => document.getElementById(id));

  function filter() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const content = row.textContent.toLowerCase();
      const fits = words.every((word) => content.includes(word))
        && (!verdict.value || row.dataset.verdict === verdict.value)
        && (!outcome.value || row.dataset.outcome === outcome.value);
      row.hidden = !fits;
      count += fits;
    }
    shown.textContent = `${count} shown`;
  }

  function sort(header) {
    const rising = header.getAttribute("aria-sort") !== "ascending";
    const value = (row) => row.cells[header.cellIndex].dataset.value;
    const numbers = rows.every((row) => value(row) === "" || !Number.isNaN(Number(value(row))));
    // What was not measured comes last, whichever way.
    rows.sort((a, b) => {
      const [left, right] = [value(a), value(b)];
      if (left === "" || right === "") return (left === "") - (right === "");
      const order = numbers ? left - right : left.localeCompare(right);
      return rising ? order : -order;
    });
    for (const other of header.parentElement.querySelectorAll("th")) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", rising ? "ascending" : "descending");
    body.append(...rows);
  }

  for (const input of [text, verdict, outcome]) input.addEventListener("input", filter);
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  for (const button of document.querySelectorAll("#entries thead button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }
  filter();
})();
