// What all pages do: follow the log, keep what somebody is typing, and send forms without leaving the page.
"use strict";

(() => {
  const RETRY_MILLISECONDS = 1000;
  const LASTS = 8000;
  const SAID = "orglab-said";
  // Another log may be served at the same address tomorrow.
  const DRAFT = `orglab-draft:${document.body.dataset.log}:`;
  const setups = (window.orglabSetups ??= []);
  const page = () => document.getElementById("page");

  // ---- the frame ----

  function setUp(root) {
    for (const setup of setups) setup(root);
  }

  function say(text, lasts) {
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

  let wanted = "";
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
    // The answer may have been an error, or older than what was told meanwhile.
    if (isStale) setTimeout(refresh, 200);
    else if (wanted && wanted !== page().dataset.version) setTimeout(refresh, RETRY_MILLISECONDS);
  }

  const GONE = "The server does not answer. What you type is kept here; start orglab serve again to go on.";

  let source;

  // A browser has six connections to a server for all its pages, so only a page that is seen keeps one.
  function follow() {
    source?.close();
    if (document.hidden) return;
    source = new EventSource("events");
    source.addEventListener("version", (event) => {
      unsay(GONE);
      if (!event.data.startsWith(document.body.dataset.log + "-")) {
        source.close();
        say("Another log is served at this address now; reload the page to see it.", 0);
        return;
      }
      wanted = event.data;
      if (wanted === page().dataset.version) return;
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

  function closeForm(details) {
    details.open = false;
    details.querySelector("summary").focus();
  }

  async function send(form, submitter) {
    if (form.hasAttribute("aria-busy")) return;
    const answer = form.querySelector(".answer");
    const body = new URLSearchParams(new FormData(form, submitter));
    const sent = JSON.stringify(readFields(form));
    let response, html;
    form.setAttribute("aria-busy", "true");
    try {
      response = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
      html = await response.text();
    } catch {
      say(GONE, 0);
      return;
    } finally {
      form.removeAttribute("aria-busy");
    }
    if (!response.ok) {
      document.getElementById("status").replaceChildren();
      // The server's own page, in which it has escaped all texts. It stays until the form is sent again.
      if (answer) answer.innerHTML = html;
      if (response.status === 409) await refresh();
      return;
    }
    answer?.replaceChildren();
    const paragraphs = new DOMParser().parseFromString(html, "text/html").querySelectorAll("p");
    const said = [...paragraphs].map((one) => one.textContent.trim()).join("\n");
    const target = response.headers.get("Orglab-Shows");
    // What was typed while the form was sent is not sent yet.
    const isWhole = JSON.stringify(readFields(form)) === sent;
    if (isWhole) {
      localStorage.removeItem(draftKey(form));
      form.reset();
    }
    if (isWhole && form.dataset.leads !== undefined && target) {
      sessionStorage.setItem(SAID, said);
      location.assign(target);
      return;
    }
    say(said, LASTS);
    const details = form.closest("details");
    if (details && isWhole) closeForm(details);
    await refresh();
    // The form may be gone, as that of a state that is set now.
    if (document.activeElement === document.body) page().focus();
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

  // A form that somebody opens is to be written in; one that a draft has opened is not.
  document.addEventListener("click", (event) => {
    const details = event.target.closest?.("summary")?.parentElement;
    if (!details?.querySelector("form.write")) return;
    details.addEventListener(
      "toggle",
      () => details.open && details.querySelector("form.write :is(textarea, input:not([type=hidden]), select)")?.focus(),
      { once: true },
    );
  });

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && isTyping) event.target.form?.requestSubmit();
    // What was typed stays in the form.
    const opened = event.key === "Escape" ? event.target.closest?.("details[open]") : null;
    if (opened?.querySelector("form.write")) closeForm(opened);
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
    const said = sessionStorage.getItem(SAID);
    sessionStorage.removeItem(SAID);
    if (said) say(said, LASTS);
    if (document.body.dataset.live !== undefined) follow();
  });
})();
