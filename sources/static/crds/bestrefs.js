"use strict";
// Pages of best references: headers of files are read here and sent as text; tables are sorted.

const MAX_SENT = 48 * 1024 * 1024;

function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} kB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

// ---- files whose headers are read ---------------------------------------------

for (const form of document.querySelectorAll("form[data-headers]")) {
  const many = form.dataset.headers === "many";
  const input = form.querySelector(many ? "#many-files" : "#header-file");
  const status = form.querySelector("[data-reading]");
  const button = form.querySelector("button[type=submit]");
  for (const note of form.querySelectorAll("[data-with-scripts]")) note.hidden = false;
  // Without a name the field is never sent: what is sent are the headers.
  input.removeAttribute("name");
  let files = [];

  const show = (text, bad = false) => {
    status.textContent = text;
    status.classList.toggle("bad", bad);
  };

  const take = async (chosen) => {
    button.disabled = true;
    form.dataset.state = "reading";
    try {
      await (many ? readAll(chosen) : readOne(chosen[0]));
    } finally {
      button.disabled = false;
      form.dataset.state = "read";
    }
  };

  const readOne = async (file) => {
    const header = form.elements.header;
    header.value = "";
    if (!file) {
      show("");
      return;
    }
    show(`Reading the header of ${file.name} …`);
    try {
      const found = await crdsHeaders.read(file);
      header.value = found.text;
      form.elements.name.value = file.name;
      offer(found.extensions);
      const parts = found.extensions.length;
      show(`${found.format}${parts > 1 ? ` with ${parts} headers` : ""}:`
        + ` ${sizeOf(found.text.length)} of ${sizeOf(file.size)} will be sent.`);
    } catch (error) {
      show(`${file.name} cannot be read. ${error.message}`, true);
    }
  };

  const offer = (extensions) => {
    const list = form.querySelector("#header-extensions");
    list.replaceChildren(...extensions.map((name) => {
      const option = document.createElement("option");
      option.value = name;
      return option;
    }));
  };

  const readAll = async (chosen) => {
    const failed = [];
    for (const [index, file] of chosen.entries()) {
      show(`Reading ${index + 1} of ${chosen.length}: ${file.name} …`);
      try {
        const found = await crdsHeaders.read(file);
        files.push({ name: file.name, text: found.text, size: file.size });
      } catch (error) {
        failed.push(`${file.name}: ${error.message}`);
      }
    }
    const sent = files.reduce((sum, file) => sum + file.text.length, 0);
    const size = files.reduce((sum, file) => sum + file.size, 0);
    form.elements.headers.value = files.length
      ? JSON.stringify(files.map(({ name, text }) => ({ name, text }))) : "";
    let text = files.length
      ? `Headers of ${files.length} file${files.length > 1 ? "s" : ""}:`
        + ` ${sizeOf(sent)} of ${sizeOf(size)} will be sent.` : "";
    if (sent > MAX_SENT) text += " That is more than the server takes; choose fewer files.";
    if (failed.length) text += ` Not read: ${failed.join(" ")}`;
    show(text, failed.length > 0 || sent > MAX_SENT);
  };

  input.addEventListener("change", () => {
    files = [];
    take([...input.files]);
  });

  const place = input.closest(".drop");
  const over = (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    place.classList.add("over");
  };
  place.addEventListener("dragenter", over);
  place.addEventListener("dragover", over);
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
}

// ---- tables that are sorted in place ---------------------------------------------

for (const button of document.querySelectorAll("form[data-sorting] button.sort")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    const column = button.closest("th");
    const down = column.getAttribute("aria-sort") === "ascending";
    const body = column.closest("table").tBodies[0];
    const at = column.cellIndex;
    const key = (row) => row.cells[at].textContent.trim();
    const rows = [...body.rows].sort((a, b) => key(a).localeCompare(key(b), "en"));
    if (down) rows.reverse();
    body.append(...rows);
    for (const other of column.parentElement.cells) other.removeAttribute("aria-sort");
    column.setAttribute("aria-sort", down ? "descending" : "ascending");
  });
}
