"use strict";
// Fetches this page again and swaps its live part when it has changed. What the reader has open stays open and
// focused; while text is selected or the tab is hidden nothing moves. Without this script every page still works.
const status = document.querySelector("#status");
const wait = Number(document.body.dataset.refresh || 0);

const live = (page) => page.querySelector("#live");

function reading() {
  const selection = document.getSelection();
  return !selection.isCollapsed && live(document).contains(selection.anchorNode);
}

function mark(element) {
  const number = element && element.closest("[data-key]");
  if (number) return `[data-key="${CSS.escape(number.dataset.key)}"] summary`;
  return element && element.href ? `a[href="${CSS.escape(element.getAttribute("href"))}"]` : null;
}

function swap(next) {
  const now = live(document);
  if (next.dataset.digest === now.dataset.digest) return;
  const focused = now.contains(document.activeElement) ? mark(document.activeElement) : null;
  const open = [...now.querySelectorAll("details[open]")].map((number) => number.dataset.key);
  now.replaceWith(next);
  for (const key of open) {
    next.querySelector(`[data-key="${CSS.escape(key)}"]`)?.setAttribute("open", "");
  }
  if (focused) next.querySelector(focused)?.focus({ preventScroll: true });
}

function say(text) {
  if (status && status.textContent !== text) status.textContent = text;
}

async function refresh() {
  if (document.hidden || reading()) return;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const next = live(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (next) swap(document.adoptNode(next));
    say(answer.ok ? "Live" : "The ledger does not answer; trying again");
  } catch {
    say("The console does not answer; trying again");
  }
}

async function run() {
  await refresh();
  setTimeout(run, wait);
}

if (wait) setTimeout(run, wait);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll("details.how[open]").forEach((number) => number.removeAttribute("open"));
});
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.how[open]").forEach((number) => {
    if (!number.contains(event.target)) number.removeAttribute("open");
  });
});
