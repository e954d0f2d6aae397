"use strict";
// What makes pages quicker to use where scripts run; every page works without it.

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
  const parts = accordion.querySelectorAll("details");
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
