// The curves of metrics, drawn by uPlot: of chosen runs and settings. The address of the page keeps the state.
"use strict";
(() => {
  const HEIGHT = 320;
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
  const COLOURS = 6;
  const address = window.orglabAddress;
  const plots = new WeakMap();

  const readColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** Return a number as text, with the digits that tell it from others. */
  const write = (value) => (value === null || value === undefined ? "–" : String(Number(value.toPrecision(5))));

  function make(name, text, ...classes) {
    const element = document.createElement(name);
    element.textContent = text;
    element.classList.add(...classes);
    return element;
  }

  function readData(block) {
    const text = block.querySelector("script[type='application/json']").textContent;
    if (block.orglabText !== text) {
      block.orglabText = text;
      block.orglabData = JSON.parse(text);
    }
    return block.orglabData;
  }

  function readState(block) {
    const data = readData(block);
    const asked = address.read();
    const metric = data.metrics.find((one) => one.name === asked.get("metric")) ?? data.metrics[0];
    const number = (name) => (asked.get(name) && Number.isFinite(Number(asked.get(name))) ? Number(asked.get(name)) : null);
    return { data, metric, isLog: asked.get("log") === "1", from: number("from"), to: number("to"), asked };
  }

  /** Return the curves to draw: the chosen ones, or else the first settings, or else the first runs. */
  function choose({ data, metric, asked }) {
    const runs = asked.getAll("run").map((key) => metric.runs[key]);
    const settings = asked.getAll("setting").map((key) => metric.settings[key]);
    const chosen = [...settings, ...runs];
    if (chosen.length) {
      const missing = chosen.filter((one) => !one).length;
      return { drawn: chosen.filter(Boolean), words: missing ? `${missing} of the chosen have no curve of ${metric.name} here.` : "" };
    }
    const first = data.first.map((key) => metric.settings[key]).filter(Boolean);
    if (first.length) {
      const all = Object.keys(metric.settings).length;
      return { drawn: first, words: all > first.length ? `${first.length} of ${all} settings; choose others in the table.` : "" };
    }
    const all = Object.values(metric.runs);
    return { drawn: all.slice(-COLOURS), words: all.length > COLOURS ? `${COLOURS} of ${all.length} runs; choose others in the table.` : "" };
  }

  const lookOf = (place) => ({ colour: readColour(`--series-${(place % COLOURS) + 1}`), dash: DASHES[Math.floor(place / COLOURS) % DASHES.length] });

  /** Return what ended badly: the last points of the runs that diverged. */
  function listEnds(one) {
    if (one.ended) return one.ended.filter((points) => points.length).map((points) => points.at(-1));
    if (!one.diverged) return [];
    const last = one.mean.findLastIndex((value) => value !== null);
    return last < 0 ? [] : [[one.x[last], one.mean[last]]];
  }

  /** Return the tables of x and y, and what each y is: `{ kind, place }`. */
  function makeTables(drawn, isLog) {
    const clean = (values) => (isLog ? values.map((value) => (value > 0 ? value : null)) : values);
    const tables = [];
    const parts = [];
    drawn.forEach((one, place) => {
      const hasBand = one.low && one.low.some((low, at) => low !== one.high[at]);
      if (one.x.length) {
        tables.push(hasBand ? [one.x, clean(one.mean), clean(one.high), clean(one.low)] : [one.x, clean(one.mean)]);
        parts.push({ kind: "mean", place });
      }
      if (hasBand) parts.push({ kind: "high", place }, { kind: "low", place });
      for (const points of one.ended ?? []) {
        if (!points.length) continue;
        tables.push([points.map(([x]) => x), clean(points.map(([, y]) => y))]);
        parts.push({ kind: "ended", place });
      }
    });
    return { aligned: tables.length ? uPlot.join(tables) : [[]], parts };
  }

  function makeSeries(parts, drawn, place) {
    const part = parts[place];
    const look = lookOf(part.place);
    const base = { label: drawn[part.place].name, spanGaps: false, points: { show: false } };
    if (part.kind === "mean") return { ...base, stroke: look.colour, width: 2, dash: look.dash, points: { show: drawn[part.place].x.length < 25, size: 5 } };
    if (part.kind === "ended") return { ...base, stroke: look.colour, width: 1 };
    return { ...base, stroke: look.colour, width: 0 };
  }

  function drawEnds(plot, drawn) {
    const { ctx } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
    ctx.clip();
    ctx.lineWidth = 2 * devicePixelRatio;
    drawn.forEach((one, place) => {
      ctx.strokeStyle = lookOf(place).colour;
      for (const [x, y] of listEnds(one)) {
        const at = [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)];
        const size = 5 * devicePixelRatio;
        // A value outside of the axis is marked at its edge.
        at[1] = Math.min(Math.max(at[1], plot.bbox.top + size), plot.bbox.top + plot.bbox.height - size);
        ctx.beginPath();
        ctx.moveTo(at[0] - size, at[1] - size);
        ctx.lineTo(at[0] + size, at[1] + size);
        ctx.moveTo(at[0] + size, at[1] - size);
        ctx.lineTo(at[0] - size, at[1] + size);
        ctx.stroke();
      }
    });
    ctx.restore();
  }

  /** Name the curve that is nearest to the pointer, with its value there. */
  function hover(plot, tip, drawn, parts, counter) {
    const { left, top, idx } = plot.cursor;
    tip.hidden = true;
    if (idx === null || idx === undefined || left < 0) return;
    let nearest = null;
    parts.forEach((part, at) => {
      if (part.kind !== "mean" && part.kind !== "ended") return;
      const values = plot.data[at + 1];
      // Curves have values at different steps: the closest one of each counts.
      for (let reach = 0; reach < 200; reach += 1) {
        const place = [idx - reach, idx + reach].find((one) => values[one] !== null && values[one] !== undefined);
        if (place === undefined) continue;
        const x = plot.valToPos(plot.data[0][place], "x");
        const y = plot.valToPos(values[place], "y");
        const distance = Math.hypot(x - left, y - top);
        if (!nearest || distance < nearest.distance) nearest = { distance, place, x, y, part, at: at + 1 };
        break;
      }
    });
    if (!nearest) return;
    const one = drawn[nearest.part.place];
    const bands = nearest.part.kind === "mean" && parts[nearest.at]?.kind === "high"
      ? ` (${write(plot.data[nearest.at + 2][nearest.place])} to ${write(plot.data[nearest.at + 1][nearest.place])})` : "";
    const ending = nearest.part.kind === "ended" ? " (diverged)" : "";
    tip.replaceChildren(
      make("strong", one.name + ending),
      make("span", `${counter} ${write(plot.data[0][nearest.place])}: ${write(plot.data[nearest.at][nearest.place])}${bands}`),
    );
    tip.firstChild.dir = "auto";
    tip.hidden = false;
    const room = plot.over.clientWidth;
    tip.style.left = `${Math.max(0, Math.min(nearest.x + 12, room - tip.offsetWidth))}px`;
    tip.style.top = `${Math.max(0, nearest.y - tip.offsetHeight - 10)}px`;
  }

  function drawLegend(block, drawn) {
    const list = block.querySelector("[data-curve-legend]");
    list.replaceChildren(...drawn.map((one, place) => {
      const item = make("li", "");
      const mark = make("span", "", "line");
      const { colour, dash } = lookOf(place);
      mark.style.borderTopColor = colour;
      mark.style.borderTopStyle = dash.length ? (dash[0] > 4 ? "dashed" : "dotted") : "solid";
      const name = make("bdi", one.name);
      const ends = listEnds(one).length;
      const words = [one.n > 1 ? `n = ${one.n}` : "", ends ? (one.n === undefined ? "diverged" : `${ends} diverged ✕`) : ""].filter(Boolean).join(", ");
      item.append(mark, name, make("span", words ? ` ${words}` : "", "muted"));
      return item;
    }));
  }

  /** Fill the table with the first, lowest, highest and last value of each curve. */
  function fillTable(block, drawn, counter) {
    const row = (cells, name) => {
      const line = make("tr", "");
      line.append(...cells.map((text, place) => {
        const cell = make(place && name === "td" ? "td" : "th", text);
        if (place) cell.classList.add("right");
        else cell.dir = "auto";
        cell.scope = name === "th" ? "col" : "row";
        if (place && name === "td") cell.removeAttribute("scope");
        return cell;
      }));
      return line;
    };
    const known = (values) => (values ?? []).filter((value) => value !== null);
    const head = make("thead", "");
    head.append(row(["Curve", "n", "First", "Lowest", "Highest", "Last", "Diverged"], "th"));
    const body = make("tbody", "");
    body.append(...drawn.map((one) => {
      const means = known(one.mean);
      const ends = listEnds(one).map(([x, y]) => `${write(y)} at ${counter} ${write(x)}`);
      return row([one.name, String(one.n ?? 1), write(means[0]), write(Math.min(...known(one.low ?? one.mean))),
        write(Math.max(...known(one.high ?? one.mean))), write(means.at(-1)), ends.join("; ") || "–"].map((text) => (/Infinity/.test(text) ? "–" : text)), "td");
    }));
    block.querySelector("[data-curve-table]").replaceChildren(head, body);
  }

  /** Return where the values are, or nothing to leave it to the chart: what diverges on its way would flatten the rest. */
  function findRange(drawn) {
    const calm = drawn.filter((one) => !listEnds(one).length);
    if (!calm.length || calm.length === drawn.length) return {};
    const values = calm.flatMap((one) => [...(one.low ?? one.mean), ...(one.high ?? one.mean)]).filter((value) => value !== null);
    if (!values.length) return {};
    const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
    const room = (high - low || Math.abs(high) || 1) / 10;
    return { range: [low - room, high + room] };
  }

  const makeAxis = (more) => ({ stroke: readColour("--muted"), grid: { stroke: readColour("--grid"), width: 1 }, ticks: { stroke: readColour("--grid"), width: 1 }, font: "12px system-ui, sans-serif", ...more });

  function draw(block) {
    const state = readState(block);
    const { metric, isLog } = state;
    const scheme = matchMedia("(prefers-color-scheme: dark)").matches;
    const wanted = `${scheme} ${state.asked} ${block.orglabText}`;
    // A page that follows the log stays as it is while these curves do, with what is pointed at.
    if (plots.get(block)?.root.isConnected && block.orglabDrawn === wanted) {
      showControls(block, state, "");
      return;
    }
    block.orglabDrawn = wanted;
    const { drawn, words } = choose(state);
    const place = block.querySelector("[data-curve-plot]");
    const { aligned, parts } = makeTables(drawn, isLog);
    const xs = aligned[0];
    const low = state.from ?? xs[0] ?? 0;
    const high = state.to ?? xs.at(-1) ?? 1;
    const isEmpty = low >= high && xs.length > 1;
    const problem = isEmpty ? `There is nothing from ${metric.x} ${low} to ${high}.` : isLog && !aligned.slice(1).some((values) => values.some((value) => value > 0)) && drawn.length ? "A logarithmic axis has no place for values that are not positive." : "";
    showControls(block, state, problem);
    block.querySelector("[data-curve-words]").textContent = words;
    drawLegend(block, drawn);
    fillTable(block, drawn, metric.x);
    plots.get(block)?.destroy();
    plots.delete(block);
    if (!drawn.length || problem) {
      place.replaceChildren();
      return;
    }
    const tip = make("div", "", "tip");
    tip.hidden = true;
    const bands = parts.flatMap((part, at) => (part.kind === "high" ? [{ series: [at + 1, at + 2], fill: `${lookOf(part.place).colour}2e` }] : []));
    const plot = new uPlot({
      width: place.clientWidth || 600,
      height: HEIGHT,
      legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false }, y: false },
      scales: { x: { time: false, range: () => [low, high === low ? low + 1 : high] }, y: isLog ? { distr: 3 } : findRange(drawn) },
      axes: [makeAxis({ label: metric.x, size: 32, labelSize: 18, labelFont: "12px system-ui, sans-serif" }), makeAxis({ size: 64, values: (_, values) => values.map((value) => (value === null ? "" : write(value))) })],
      series: [{}, ...parts.map((_, at) => makeSeries(parts, drawn, at))],
      bands,
      hooks: {
        draw: [(one) => drawEnds(one, drawn)],
        setCursor: [(one) => hover(one, tip, drawn, parts, metric.x)],
        setSelect: [(one) => {
          if (one.select.width < 4) return;
          zoom(block, one.posToVal(one.select.left, "x"), one.posToVal(one.select.left + one.select.width, "x"));
        }],
        ready: [(one) => one.over.append(tip)],
      },
    }, aligned, place);
    plot.over.addEventListener("dblclick", () => zoom(block, null, null));
    plots.set(block, plot);
  }

  function zoom(block, from, to) {
    // Three digits of the width tell its ends apart, wherever it is.
    const digits = Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(to - from))));
    const round = (value) => Number(value.toFixed(digits));
    address.change((asked) => {
      for (const [name, value] of [["from", from], ["to", to]]) {
        if (value === null) asked.delete(name);
        else asked.set(name, round(value));
      }
    });
    draw(block);
  }

  function showControls(block, { metric, isLog, from, to }, problem) {
    const field = (name) => block.querySelector(`[data-curve-${name}]`);
    field("metric").value = metric.name;
    field("log").checked = isLog;
    field("x").textContent = metric.x;
    for (const [name, value] of [["from", from], ["to", to]]) {
      if (document.activeElement !== field(name)) field(name).value = value ?? "";
    }
    field("whole").hidden = from === null && to === null;
    field("problem").textContent = problem;
    field("problem").hidden = !problem;
    field("plot").setAttribute("aria-label", `Curves of ${metric.name} by ${metric.x}; the table below the chart has the values.`);
  }

  document.addEventListener("change", (event) => {
    const block = event.target.closest?.("[data-curves]");
    if (!block) return;
    const field = event.target;
    if (field.matches("[data-curve-metric]")) address.set("metric", field.selectedIndex ? field.value : "");
    else if (field.matches("[data-curve-log]")) address.set("log", field.checked ? "1" : "");
    else if (field.matches("[data-curve-from]")) address.set("from", field.value.trim());
    else if (field.matches("[data-curve-to]")) address.set("to", field.value.trim());
    else return;
    draw(block);
  });

  document.addEventListener("click", (event) => {
    if (!event.target.matches?.("[data-curve-whole]")) return;
    const block = event.target.closest("[data-curves]");
    zoom(block, null, null);
    block.querySelector("[data-curve-from]").focus();
  });

  const drawAll = (root = document) => root.querySelectorAll("[data-curves]").forEach(draw);
  document.addEventListener("orglab:chosen", () => drawAll());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
  addEventListener("resize", () => {
    for (const block of document.querySelectorAll("[data-curves]")) {
      plots.get(block)?.setSize({ width: block.querySelector("[data-curve-plot]").clientWidth, height: HEIGHT });
    }
  });
  (window.orglabSetups ??= []).push((root) => drawAll(root));
})();
