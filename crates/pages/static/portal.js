// Copy buttons. Every page works without this file: the buttons stay hidden until it runs.
"use strict";

const status = document.getElementById("copy-status");

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copy(button, source) {
  if (button.classList.contains("done")) {
    return;
  }
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Without a secure connection there is no clipboard: the text is at least selected.
    select(source);
    return;
  }
  const before = button.textContent;
  button.textContent = button.dataset.done;
  button.classList.add("done");
  status.textContent = button.dataset.done;
  setTimeout(() => {
    button.textContent = before;
    button.classList.remove("done");
    status.textContent = "";
  }, 1500);
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (source) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button, source));
  }
}
