// Puts the focus on what a page has to say first: why a form was refused, or what was done or found. Who
// uses a keyboard goes on from there, and a screen reader speaks of it, which it need not do of what
// stands in a page from the beginning. Without this script all of it stands at the same places.
(() => {
  "use strict";

  const first = (selector) => document.querySelector("main " + selector);
  const mistakes = first('[role="alert"] a[href^="#"]'); // a list of them, each with a link to its field
  const news = mistakes ? mistakes.closest("[role]")
    : first('[aria-invalid="true"]') || first('[role="alert"]') || first('.news[role="status"]');
  if (!news || document.activeElement !== document.body) return;
  if (!news.matches("input, textarea, select")) news.tabIndex = -1;
  news.focus();
})();
