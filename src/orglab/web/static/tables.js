// The tables of runs and settings: sort, filter, choose columns and rows. The address of the page keeps the state.
"use strict";
(() => {
  const NUMBER = /^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?)$/;
  const CONDITION = /^([^=<>!]+?)\s*(==|=|!=|<=|>=|<|>)\s*([^]*)$/;
  const OF_SETTINGS = ["step", "code", "command"];

  window.orglabAddress = {
    read: () => new URLSearchParams(location.search),
    /** Change what the address asks for, so that a copied link shows the same. */
    change(edit) {
      const asked = new URLSearchParams(location.search);
      edit(asked);
      const query = asked.toString();
      history.replaceState(history.state, "", location.pathname + (query ? "?" + query : "") + location.hash);
    },
    /** Replace a value; an empty one is left out. */
    set(name, value) {
      this.change((asked) => (value === "" ? asked.delete(name) : asked.set(name, value)));
    },
  };
  const address = window.orglabAddress;

  // ---- conditions, as the command line has them ----

  function parseValue(text) {
    if (/^([tT]rue|[fF]alse)$/.test(text)) return text.toLowerCase() === "true";
    return NUMBER.test(text) ? Number(text) : text;
  }

  function findColumn(name, data) {
    const exact = data.columns.findIndex((one) => one.name === name || one.name === name.replaceAll("-", "_"));
    if (exact >= 0) return exact;
    if (data.fields.includes(name)) {
      throw new Error(`${name} is not a column of this table.`);
    }
    const found = [...data.columns.keys()].filter((place) =>
      ["parameter", "metric"].includes(data.columns[place].kind) && [".", "/", "_"].some((mark) => data.columns[place].name.endsWith(mark + name)));
    if (found.length === 1) return found[0];
    if (found.length) {
      throw new Error(`“${name}” may be ${found.map((place) => data.columns[place].name).join(" or ")}; write the whole name.`);
    }
    const names = data.columns.filter((one) => ["parameter", "metric"].includes(one.kind)).map((one) => one.name).filter((one) => !one.endsWith(":best")).sort();
    const hint = names.length ? `the names are ${names.slice(0, 20).join(", ")}` : "no run has any";
    throw new Error(`No run has “${name}”; ${hint}.`);
  }

  function isEqual(found, wanted) {
    if (typeof found === "boolean" || typeof wanted === "boolean" || /^[+-]?(nan|inf(inity)?)$/i.test(found)) {
      return String(found).toLowerCase() === String(wanted).toLowerCase();
    }
    return found === wanted || String(found) === String(wanted);
  }

  function meets(found, operator, wanted) {
    if (operator === "=" || operator === "==" || operator === "!=") {
      const isSame = (found === null && wanted === "none") || isEqual(found, wanted);
      return isSame !== (operator === "!=");
    }
    if (typeof found !== "number" || typeof wanted !== "number") return false;
    return (operator[0] === ">" ? found > wanted : found < wanted) || (operator.length === 2 && found === wanted);
  }

  /** Return a function that tells whether the row at a place meets all conditions; throws an error that says why not. */
  function parseConditions(text, data) {
    const words = [...text.matchAll(/"([^"]*)"|\S+/g)].map((match) => match[1] ?? match[0]);
    const tests = words.map((word) => {
      const match = CONDITION.exec(word);
      if (!match) throw new Error(`“${word}” is not a condition; write one as lr=0.1, val.acc>0.9 or status=failed.`);
      const [, name, operator, value] = match;
      const isStatus = name === "status";
      if (isStatus && !data.statuses.includes(value)) {
        throw new Error(`Unknown status “${value}”; use one of ${data.statuses.join(", ")}.`);
      }
      if (data.kind === "setting" && data.fields.includes(name) && !OF_SETTINGS.includes(name)) {
        throw new Error(`A condition on ${name} would choose among the runs of a setting; use parameters, metrics, step or code.`);
      }
      const place = findColumn(name, data);
      const column = data.columns[place];
      if (isStatus && (value === "diverged" || value === "kept")) {
        return (row) => data.marks[row].includes(value) !== (operator === "!=");
      }
      if (column.kind === "field" && column.name === "code") {
        if (!/^[0-9a-f]{4,64}$/.test(value)) throw new Error(`Write the code as the beginning of a commit, such as code=83d45cd, not “${value}”.`);
        return (row) => String(data.rows[row][place] ?? "").startsWith(value) !== (operator === "!=");
      }
      const isText = column.kind === "field" && !["age", "seconds", "seed"].includes(column.name);
      const wanted = isText ? value : parseValue(value);
      return (row) => meets(data.rows[row][place], operator, wanted);
    });
    return (row) => tests.every((test) => test(row));
  }

  // ---- order: numbers, then texts, and at the end, in either direction, what is missing ----

  function sortRows(rows, place, isReversed, data) {
    const read = (row) => data.rows[row][place];
    const isNumber = (row) => typeof read(row) === "number" || typeof read(row) === "boolean";
    const isMetric = data.columns[place].kind === "metric";
    const rank = (row) => (read(row) === null ? 2 : isNumber(row) !== (isReversed && !isMetric) ? 0 : 1);
    const compare = (one, other) => {
      const [first, second] = [read(one), read(other)];
      return isNumber(one) ? first - second : first < second ? -1 : first > second ? 1 : 0;
    };
    return rows.sort((one, other) => rank(one) - rank(other)
      || (rank(one) === 2 ? 0 : compare(one, other) * (isReversed ? -1 : 1)) || one - other);
  }

  // ---- a table as the address asks for it ----

  function readData(table) {
    const text = table.querySelector("script[type='application/json']").textContent;
    if (table.orglabText !== text) {
      table.orglabText = text;
      table.orglabData = JSON.parse(text);
    }
    return table.orglabData;
  }

  function isColumnShown(column, asked) {
    return asked.getAll("show").includes(column.name) || (column.shown && !asked.getAll("hide").includes(column.name));
  }

  /** Show a table in its order, without the rows and columns that are not wanted; returns a problem, or nothing. */
  function showTable(table, asked) {
    const data = readData(table);
    const body = table.querySelector("tbody");
    const places = data.rows.map((_, place) => place);
    let problem = "";
    let isWanted = () => true;
    try {
      isWanted = parseConditions(asked.get("where") ?? "", data);
    } catch (error) {
      problem = error.message;
    }
    const sort = asked.get("sort") ?? "";
    const isReversed = sort.startsWith("-");
    const sorted = data.columns.findIndex((one) => one.name === sort.replace(/^-/, ""));
    const order = sorted >= 0 ? sortRows(places, sorted, isReversed, data) : places;

    const rows = new Map([...body.rows].map((row) => [Number(row.dataset.row), row]));
    const active = document.activeElement;
    if ([...body.rows].some((row, place) => Number(row.dataset.row) !== order[place])) {
      body.append(...order.map((place) => rows.get(place)));
      if (table.contains(active)) active.focus({ preventScroll: true });
    }
    let found = 0;
    for (const [place, row] of rows) {
      row.hidden = !isWanted(place);
      found += !row.hidden;
    }
    table.orglabFound = `${found === data.rows.length ? found : `${found} of ${data.rows.length}`} ${data.kind}${data.rows.length === 1 ? "" : "s"}`;

    const shown = data.columns.map((column) => isColumnShown(column, asked));
    const headings = [...table.querySelector("thead tr").cells].slice(1);
    headings.forEach((heading, place) => {
      heading.hidden = !shown[place];
      if (place === sorted) heading.setAttribute("aria-sort", isReversed ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    });
    for (const row of rows.values()) shown.forEach((isShown, place) => (row.cells[place + 1].hidden = !isShown));
    for (const box of table.querySelectorAll("[data-column]")) box.checked = shown[Number(box.dataset.column)];
    return problem;
  }

  function show(block) {
    const asked = address.read();
    const tables = [...block.querySelectorAll("[data-table]")];
    const wanted = tables.find((table) => table.dataset.table === asked.get("by")) ?? tables[0];
    let chosen = 0;
    for (const table of tables) {
      const problem = showTable(table, asked);
      table.hidden = table !== wanted;
      if (table === wanted) {
        const place = block.querySelector("[data-problem]");
        place.textContent = problem;
        place.hidden = !problem;
        block.querySelector("[data-found]").textContent = table.orglabFound;
      }
      const keys = asked.getAll(table.dataset.table);
      for (const box of table.querySelectorAll("td.choose input")) {
        box.checked = keys.includes(box.value);
        box.closest("tr").classList.toggle("is-chosen", box.checked);
        chosen += box.checked;
      }
    }
    for (const radio of block.querySelectorAll("[name=table-rows]")) radio.checked = radio.value === wanted.dataset.table;
    const where = block.querySelector("[data-where]");
    if (document.activeElement !== where) where.value = asked.get("where") ?? "";
    const words = block.querySelector("[data-chosen]");
    words.textContent = chosen ? `${chosen} chosen` : words.dataset.chosen && `Choose rows to ${words.dataset.chosen}.`;
    block.querySelector("[data-clear]").hidden = !chosen;
    const compare = block.querySelector("[data-compare]");
    if (compare) compare.disabled = chosen < 2 || chosen > 12;
  }

  // ---- what someone does ----

  const blockOf = (event) => event.target.closest?.("[data-tables]");

  function tellChosen(block) {
    show(block);
    document.dispatchEvent(new CustomEvent("orglab:chosen"));
  }

  document.addEventListener("input", (event) => {
    const block = blockOf(event);
    if (!block || !event.target.matches("[data-where]")) return;
    address.set("where", event.target.value.trim());
    show(block);
  });

  document.addEventListener("change", (event) => {
    const block = blockOf(event);
    if (!block) return;
    const box = event.target;
    if (box.name === "table-rows") {
      address.set("by", box.value === block.querySelector("[data-table]").dataset.table ? "" : box.value);
      show(block);
    } else if (box.matches("[data-column]")) {
      const column = readData(box.closest("[data-table]")).columns[Number(box.dataset.column)];
      address.change((asked) => {
        for (const name of ["show", "hide"]) {
          const others = asked.getAll(name).filter((one) => one !== column.name);
          asked.delete(name);
          for (const one of others) asked.append(name, one);
        }
        if (box.checked !== column.shown) asked.append(box.checked ? "show" : "hide", column.name);
      });
      show(block);
    } else if (box.matches("td.choose input")) {
      address.change((asked) => {
        const others = asked.getAll(box.name).filter((one) => one !== box.value);
        asked.delete(box.name);
        for (const one of others) asked.append(box.name, one);
        if (box.checked) asked.append(box.name, box.value);
      });
      tellChosen(block);
    }
  });

  document.addEventListener("click", (event) => {
    const block = blockOf(event);
    const button = block && event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-sort]")) {
      const { name } = readData(button.closest("[data-table]")).columns[Number(button.dataset.sort)];
      const sort = address.read().get("sort");
      address.set("sort", sort === name ? `-${name}` : sort === `-${name}` ? "" : name);
      show(block);
    } else if (button.matches("[data-clear]")) {
      address.change((asked) => ["run", "setting"].forEach((name) => asked.delete(name)));
      tellChosen(block);
      block.querySelector("td.choose input")?.focus({ preventScroll: true });
    }
  });

  // The comparison shows the same metric, axis and steps.
  document.addEventListener("submit", (event) => {
    if (!blockOf(event)) return;
    for (const name of ["metric", "log", "from", "to"]) {
      const value = address.read().get(name);
      if (value === null) continue;
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      event.target.append(field);
      setTimeout(() => field.remove());
    }
  });

  // ---- step by step: one metric at a time ----

  function showSteps(block) {
    const select = block.querySelector("[data-step-metric]");
    if (!select) return;
    const wanted = address.read().get("steps");
    if ([...select.options].some((option) => option.value === wanted)) select.value = wanted;
    for (const chart of block.querySelectorAll("[data-metric]")) chart.hidden = chart.dataset.metric !== select.value;
  }

  document.addEventListener("change", (event) => {
    if (!event.target.matches?.("[data-step-metric]")) return;
    address.set("steps", event.target.selectedIndex ? event.target.value : "");
    showSteps(event.target.closest("[data-step-charts]"));
  });

  (window.orglabSetups ??= []).push((root) => {
    root.querySelectorAll("[data-tables]").forEach(show);
    root.querySelectorAll("[data-step-charts]").forEach(showSteps);
  });
})();
