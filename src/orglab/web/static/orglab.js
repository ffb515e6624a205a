// What all pages do: follow the log, keep what somebody is typing, and send forms without leaving the page.
"use strict";

(() => {
  const RETRY_MILLISECONDS = 1000;
  // Another log may be served at the same address tomorrow.
  const DRAFT = `orglab-draft:${document.body.dataset.log}:`;
  const setups = (window.orglabSetups ??= []);
  const page = () => document.getElementById("page");

  // ---- the frame ----

  function setUp(root) {
    for (const setup of setups) setup(root);
  }

  function say(text, lasts = 4000) {
    const status = document.getElementById("status");
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    status.replaceChildren(paragraph);
    clearTimeout(say.timer);
    if (lasts) say.timer = setTimeout(() => status.replaceChildren(), lasts);
  }

  function unsay(text) {
    const status = document.getElementById("status");
    if (status.textContent === text) status.replaceChildren();
  }

  // ---- the page follows the log ----

  // What the reader has opened stays open, and what scripts made stays as it is.
  htmx.registerExtension("orglab", {
    htmx_before_morph_attr: (element, detail) =>
      !(detail.attrName === "open" && (element.localName === "details" || element.localName === "dialog")),
  });

  let isRefreshing = false;
  let isStale = false;

  async function refresh() {
    if (isRefreshing || document.hidden) {
      isStale = true;
      return;
    }
    isRefreshing = true;
    isStale = false;
    try {
      await htmx.ajax("GET", location.pathname + location.search, { target: "#page", select: "#page", swap: "outerMorph" });
      setUp(page());
    } finally {
      isRefreshing = false;
    }
    if (isStale) setTimeout(refresh, 200);
  }

  const GONE = "The server does not answer. What you type is kept here; start orglab serve again to go on.";

  let source;

  // A browser has six connections to a server for all its pages, so only a page that is seen keeps one.
  function follow() {
    source?.close();
    if (document.hidden) return;
    source = new EventSource("events?version=" + encodeURIComponent(document.body.dataset.version));
    source.addEventListener("version", (event) => {
      unsay(GONE);
      if (event.data === document.body.dataset.version) return;
      document.body.dataset.version = event.data;
      // What takes long to make, or was asked for, changes only when it is asked for again.
      if (document.body.dataset.live === "ask") say("The log has changed since; reload the page to see it.", 0);
      else refresh();
    });
    source.onerror = () => {
      source.close();
      say(GONE, 0);
      setTimeout(follow, RETRY_MILLISECONDS);
    };
  }

  // ---- what somebody is typing ----

  const draftKey = (form) => DRAFT + location.pathname + "#" + form.dataset.draft;

  function readFields(form) {
    const fields = [...form.elements].filter((one) => one.name && !["hidden", "submit", "button"].includes(one.type));
    return Object.fromEntries(fields.map((one) => [one.name, one.value]));
  }

  function keepDraft(form) {
    const typed = Object.entries(readFields(form)).filter(([name, text]) => text !== initial(form.elements[name]));
    if (typed.length) localStorage.setItem(draftKey(form), JSON.stringify(Object.fromEntries(typed)));
    else localStorage.removeItem(draftKey(form));
  }

  function initial(field) {
    if (field.localName !== "select") return field.defaultValue;
    return ([...field.options].find((one) => one.defaultSelected) ?? field.options[0])?.value ?? "";
  }

  function readDraft(key) {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? {};
    } catch {
      return {};
    }
  }

  function restoreDrafts(root) {
    for (const form of root.querySelectorAll("form[data-draft]")) {
      for (const [name, text] of Object.entries(readDraft(draftKey(form)))) {
        const field = form.elements[name];
        if (!field || field.value === text) continue;
        if (field.value !== initial(field)) continue;
        field.value = text;
        const details = form.closest("details");
        if (details) details.open = true;
      }
    }
    showHomeless();
  }

  // The form of what somebody typed may be gone with its step or its experiment.
  function showHomeless() {
    const begin = DRAFT + location.pathname + "#";
    const here = new Set([...document.querySelectorAll("form[data-draft]")].map(draftKey));
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(begin) && !here.has(key));
    document.getElementById("unsent")?.remove();
    if (!keys.length || document.body.dataset.live === undefined) return;
    const section = document.createElement("section");
    section.id = "unsent";
    section.setAttribute("aria-label", "Not sent");
    for (const key of keys) {
      const paragraph = document.createElement("p");
      paragraph.textContent = "You typed this, but the log no longer has its place:";
      const text = document.createElement("textarea");
      text.readOnly = true;
      text.value = Object.values(readDraft(key)).join("\n");
      text.setAttribute("aria-label", "What you typed");
      const button = document.createElement("button");
      button.textContent = "Discard";
      button.addEventListener("click", () => {
        localStorage.removeItem(key);
        showHomeless();
      });
      section.append(paragraph, text, button);
    }
    page().before(section);
  }

  // ---- forms ----

  async function send(form, submitter) {
    const answer = form.querySelector(".answer");
    const body = new URLSearchParams(new FormData(form, submitter));
    let response;
    form.setAttribute("aria-busy", "true");
    try {
      response = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
    } catch {
      say(GONE, 0);
      return;
    } finally {
      form.removeAttribute("aria-busy");
    }
    const html = await response.text();
    if (!response.ok) {
      document.getElementById("status").replaceChildren();
      // The server's own page, in which it has escaped all texts. It stays until the form is sent again.
      if (answer) answer.innerHTML = html;
      if (response.status === 409) await refresh();
      return;
    }
    answer?.replaceChildren();
    localStorage.removeItem(draftKey(form));
    form.reset();
    const target = response.headers.get("Orglab-Shows");
    say(new DOMParser().parseFromString(html, "text/html").body.textContent.trim());
    if (form.dataset.leads !== undefined && target) {
      location.assign(target);
      return;
    }
    const details = form.closest("details");
    if (details) {
      details.open = false;
      details.querySelector("summary").focus();
    }
    await refresh();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || !form.classList.contains("write")) return;
    event.preventDefault();
    send(form, event.submitter);
  });

  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.dataset.draft !== undefined) keepDraft(form);
  });

  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.dataset.submitOnChange !== undefined && event.target.localName === "select") form.requestSubmit();
  });

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.localName === "textarea") {
      event.target.form?.requestSubmit();
    }
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector(".search input");
      if (!search) return;
      event.preventDefault();
      search.focus();
    }
  });

  // What was sent from another tab need not be sent again from here.
  addEventListener("storage", (event) => {
    if (!event.key?.startsWith(DRAFT) || event.newValue !== null) return;
    for (const form of document.querySelectorAll("form[data-draft]")) {
      const sent = draftKey(form) === event.key ? Object.entries(JSON.parse(event.oldValue)) : [];
      if (sent.length && sent.every(([name, text]) => form.elements[name]?.value === text)) form.reset();
    }
  });

  document.addEventListener("visibilitychange", () => {
    if (document.body.dataset.live !== undefined) follow();
    if (!document.hidden && isStale) refresh();
  });

  setups.push(restoreDrafts);
  document.addEventListener("DOMContentLoaded", () => {
    setUp(page());
    if (document.body.dataset.live !== undefined) follow();
  });
})();
