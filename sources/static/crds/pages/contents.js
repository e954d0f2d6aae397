"use strict";
// Finding header cards, and keys and values of a tree, while typing.  Listens at the document:
// parts of a file come and go.
(() => {
  function tell(input, count, all) {
    const place = input.parentElement.querySelector("[data-filter-count]");
    if (place) place.textContent = input.value.trim() ? `${count} of ${all}` : "";
  }

  function filterCards(input) {
    const table = document.getElementById(input.dataset.filter);
    const wanted = input.value.trim().toLowerCase();
    let count = 0;
    const rows = table ? [...table.tBodies[0].rows] : [];
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      if (!row.hidden) count += 1;
    }
    tell(input, count, rows.length);
  }

  function filterTree(input) {
    const box = document.getElementById(input.dataset.filterTree);
    const wanted = input.value.trim().toLowerCase();
    if (!box) return;
    let count = 0;
    const items = [...box.querySelectorAll("li")];
    for (const item of items) {
      const words = item.querySelectorAll(":scope > .key, :scope > .value, :scope > details > summary");
      const found = wanted && [...words].some((each) => each.textContent.toLowerCase().includes(wanted));
      item.classList.toggle("found", Boolean(found));
      if (!found) continue;
      count += 1;
      for (let up = item.parentElement.closest("details"); up && box.contains(up); up = up.parentElement.closest("details")) up.open = true;
    }
    tell(input, count, items.length);
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-filter]")) filterCards(event.target);
    if (event.target.matches("[data-filter-tree]")) filterTree(event.target);
  });
})();
