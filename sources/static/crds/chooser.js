"use strict";
// The context chooser: its heading follows the choice, and an input chooses the way it belongs to.

for (const chooser of document.querySelectorAll("details.chooser")) {
  const shown = chooser.querySelector(".chooser-shown");
  const show = () => {
    const radio = chooser.querySelector("input[type=radio]:checked");
    if (!radio) return;
    const option = radio.closest(".chooser-option");
    const input = option.querySelector("[data-mode]");
    const name = input ? input.value : option.querySelector(".file")?.textContent;
    const file = document.createElement("span");
    file.className = "file";
    file.textContent = name || "none given yet";
    const way = document.createElement("span");
    way.className = "muted";
    way.textContent = ` (${radio.parentElement.textContent.trim()} context)`;
    shown.replaceChildren(file, way);
  };
  chooser.addEventListener("change", show);
  for (const input of chooser.querySelectorAll("[data-mode]")) {
    const choose = () => {
      document.getElementById(input.dataset.mode).checked = true;
      show();
    };
    input.addEventListener("input", choose);
    input.addEventListener("change", choose);
  }
}
