// A page opened from a folder may not read others, so results show no excerpt there.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// What the theme leaves out: code that is wider than the page can be moved with the keyboard, and parts have names.
document.addEventListener("DOMContentLoaded", () => {
  for (const code of document.querySelectorAll(".highlight pre")) {
    if (code.scrollWidth > code.clientWidth) code.tabIndex = 0;
  }
  for (const caption of document.querySelectorAll("[role=heading]:not([aria-level])")) {
    caption.setAttribute("aria-level", "2");
  }
  // Each build of the site says which version is the newest now, also to pages that were built before.
  const versions = document.querySelector(".site-versions");
  const newest = window.NEWEST_VERSION;
  if (newest && newest !== versions.dataset.version) {
    const note = document.createElement("p");
    const link = document.createElement("a");
    note.className = "site-older";
    note.append(`This is the documentation of orglab ${versions.dataset.version}. `, link, ".");
    link.href = versions.dataset.newest;
    link.textContent = `The newest version is ${newest}`;
    document.querySelector("article").prepend(note);
  }
  document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "Pages");
  document.querySelector(".toc-drawer")?.setAttribute("aria-label", "On this page");
});
