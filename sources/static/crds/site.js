"use strict";
// What makes pages quicker to use where scripts run; every page works without it.

// An address that names a closed part of the page opens it.
function openNamedPart() {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName === "DETAILS") part.open = true;
  }
  target.scrollIntoView();
}
addEventListener("hashchange", openNamedPart);
document.addEventListener("DOMContentLoaded", openNamedPart);

// A button that copies the commands of its box.
for (const box of document.querySelectorAll(".command")) {
  if (!navigator.clipboard) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy quiet";
  button.textContent = "Copy";
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(box.querySelector("pre").innerText.trimEnd() + "\n");
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy by hand";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  box.classList.add("copyable");
  box.append(button);
}

// "Open all" and "Close all" above an accordion of several parts.
for (const accordion of document.querySelectorAll(".accordion[data-toggle]")) {
  const place = document.getElementById(accordion.dataset.toggle);
  // Not the accordions inside: these may load what they show.
  const parts = accordion.querySelectorAll(":scope > details");
  if (!place || parts.length < 2) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  const show = () => {
    const closed = [...parts].some((part) => !part.open);
    button.textContent = closed ? "Open all" : "Close all";
    return closed;
  };
  button.addEventListener("click", () => {
    const open = show();
    for (const part of parts) part.open = open;
  });
  accordion.addEventListener("toggle", show, true);
  show();
  place.append(button);
}

// "/" goes to the search box, as on many sites, unless somebody is typing.
document.addEventListener("keydown", (event) => {
  const box = document.getElementById("site-search");
  if (event.key !== "/" || !box || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  box.focus();
  box.select();
});

// A calendar beside fields that take a date; what it chooses is written as ISO text.
for (const field of document.querySelectorAll("input[data-picker]")) {
  const picker = document.createElement("input");
  picker.type = "date";
  picker.className = "picker";
  picker.tabIndex = -1;
  picker.setAttribute("aria-hidden", "true");
  if (!picker.showPicker) continue;
  const label = field.labels.length ? field.labels[0].textContent.trim() : "date";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet picker-button";
  button.setAttribute("aria-label", `Choose ${label} from a calendar`);
  button.textContent = "▾";
  button.addEventListener("click", () => {
    picker.value = /^\d{4}-\d\d-\d\d/.test(field.value) ? field.value.slice(0, 10) : "";
    picker.showPicker();
  });
  picker.addEventListener("change", () => { field.value = picker.value; field.focus(); });
  const box = document.createElement("span");
  box.className = "with-picker";
  field.replaceWith(box);
  box.append(field, button, picker);
}

// Forms that compare two ticked rows: a third tick replaces the first; the button says what is missing.
function guideComparison(form) {
  const ticked = [];
  const show = () => {
    for (const button of form.querySelectorAll("button[data-compare-button]")) {
      button.disabled = ticked.length !== 2;
      button.title = ticked.length === 2 ? "" : `Tick two rows; ${ticked.length} ticked so far.`;
    }
  };
  form.addEventListener("change", (event) => {
    const box = event.target;
    if (box.type !== "checkbox" || box.name !== "files") return;
    if (box.checked) ticked.push(box);
    else ticked.splice(ticked.indexOf(box), 1);
    while (ticked.length > 2) ticked.shift().checked = false;
    show();
  });
  for (const box of form.querySelectorAll("input[name=files]:checked")) ticked.push(box);
  show();
}
document.querySelectorAll("form[data-compare]").forEach(guideComparison);
document.addEventListener("htmx:load", (event) => {
  event.detail.elt.querySelectorAll?.("form[data-compare]").forEach(guideComparison);
  if (event.detail.elt.matches?.("form[data-compare]")) guideComparison(event.detail.elt);
});

// Say so when a part of the page could not be loaded.
document.addEventListener("htmx:responseError", (event) => {
  const place = event.detail.target;
  const note = document.createElement("p");
  note.className = "notice warning";
  note.setAttribute("role", "status");
  note.textContent = `This part could not be loaded (status ${event.detail.xhr.status}). Load the page again.`;
  place.replaceChildren(note);
});

// Counts down the time that locks last, as the server said it when the page was made.
const clocks = [...document.querySelectorAll(".countdown[data-seconds]")];
function countDown() {
  const two = (number) => String(number).padStart(2, "0");
  for (const clock of clocks) {
    const left = Math.max(0, Number(clock.dataset.seconds) - Math.floor(performance.now() / 1000));
    clock.textContent = `${Math.floor(left / 3600)}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
    if (!left) clock.title = "The lock has ended.";
  }
}
if (clocks.length) setInterval(countDown, 1000);
