"use strict";
(function () {
	const data = JSON.parse(document.getElementById("data").textContent);
	const page = document.getElementById("page");
	const SVG = "http://www.w3.org/2000/svg";
	const COLOURS = 8;

	/* Rows of a section as objects. */
	function rows(name) {
		const columns = data[name].columns;
		return data[name].rows.map(function (row) {
			const o = {};
			columns.forEach(function (c, i) { o[c] = row[i]; });
			return o;
		});
	}

	const runs = rows("runs");
	const many = runs.length > 1;
	const runNames = runs.map(function (r) {
		const twins = runs.filter(function (other) { return other.name === r.name; });
		return twins.length > 1 ? r.name + " #" + r.id : r.name;
	});

	/* An element with attributes, then texts and elements inside. */
	function el(tag, attributes) {
		const e = document.createElement(tag);
		for (const key in attributes || {})
			e.setAttribute(key, attributes[key]);
		for (let i = 2; i < arguments.length; i++)
			e.append(arguments[i]);
		return e;
	}

	function svg(tag, attributes) {
		const e = document.createElementNS(SVG, tag);
		for (const key in attributes)
			e.setAttribute(key, attributes[key]);
		return e;
	}

	function colour(i) {
		return "var(--c" + i % COLOURS + ")";
	}

	/* Three significant digits with k, M, G; smaller numbers as they are. */
	function short(v) {
		if (v === null || v === undefined)
			return "-";
		const a = Math.abs(v);
		for (const step of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]])
			if (a >= step[0])
				return trim(v / (step[1] === "k" ? 1e3 : step[0])) + " " + step[1];
		return trim(v);
	}

	function trim(v) {
		if (Number.isInteger(v))
			return v.toLocaleString("en");
		const a = Math.abs(v);
		return String(Number(v.toPrecision(a >= 1000 ? 4 : 3)));
	}

	function full(v) {
		if (typeof v === "number")
			return Number.isInteger(v) ? v.toLocaleString("en") : String(Number(v.toPrecision(6)));
		return v === null || v === undefined ? "" : String(v);
	}

	/* ---- tables ---- */

	function table(heads, body) {
		const numeric = heads.map(function (h, i) {
			return body.some(function (r) { return typeof r[i] === "number"; });
		});
		const t = el("table");
		const head = el("tr");
		heads.forEach(function (h, i) { head.append(el("th", numeric[i] ? {"class": "n"} : {}, h)); });
		t.append(el("thead", {}, head));
		const tbody = el("tbody");
		body.forEach(function (r) {
			const tr = el("tr");
			r.forEach(function (v, i) {
				const c = v instanceof Node ? v : el("td", {"class": numeric[i] ? "n" : "long"}, full(v));
				tr.append(c);
			});
			tbody.append(tr);
		});
		t.append(tbody);
		return el("div", {"class": "scroll"}, t);
	}

	/* A closed part with a box that keeps only rows which hold what is typed. */
	function part(title, heads, body, open) {
		if (!body.length)
			return;
		const d = el("details", open ? {open: ""} : {}, el("summary", {}, title + " (" + body.length + ")"));
		const t = table(heads, body);
		if (body.length > 12) {
			const box = el("input", {type: "search", placeholder: "filter", "aria-label": "filter " + title});
			box.addEventListener("input", function () {
				const want = box.value.toLowerCase();
				for (const tr of t.querySelectorAll("tbody tr"))
					tr.hidden = !tr.textContent.toLowerCase().includes(want);
			});
			d.append(box);
		}
		d.append(t);
		page.append(d);
	}

	/* Rows of a section for a table: with the run's name first where there are several. */
	function plain(section, columns) {
		return rows(section).map(function (r) {
			const cells = columns.map(function (c) { return r[c]; });
			return many ? [runNames[r.place]].concat(cells) : cells;
		});
	}

	function heads(columns) {
		return many ? ["run"].concat(columns) : columns;
	}

	/* ---- head ---- */

	const headline = [
		["accesses", "accesses replayed"],
		["sim_seconds", "simulated seconds"],
		["cycles_per_access", "cycles per access"],
		["instructions_per_cycle", "instructions per cycle"],
		["minor_faults", "minor faults"],
		["major_faults", "major faults"],
		["pages_scanned", "pages scanned by reclaim"],
		["pages_stolen", "pages reclaimed"],
		["swap_out", "pages swapped out"],
		["swap_in", "pages swapped in"],
		["l2_tlb_miss_ratio", "second-level TLB miss ratio"],
		["walk_cycles_per_access", "walk cycles per access"],
		["local_ratio", "share of local accesses"],
		["oom_kills", "OOM kills"],
	];

	function showHead() {
		const flip = el("button", {type: "button"}, "light / dark");
		flip.addEventListener("click", function () {
			const root = document.documentElement;
			const dark = root.dataset.theme ? root.dataset.theme === "dark" :
				matchMedia("(prefers-color-scheme: dark)").matches;
			root.dataset.theme = dark ? "light" : "dark";
		});
		const left = el("div", {}, el("h1", {}, data.title));
		runs.forEach(function (r, i) {
			const what = [r.program, r.trace_path, "mappings " + r.mapping, r.schedule, "seed " + r.seed,
				"faultline " + r.program_version];
			left.append(el("p", {"class": "soft"}, (many ? runNames[i] + ": " : "") + what.filter(Boolean).join(" · ")));
		});
		page.append(el("header", {}, left, flip));
		runs.forEach(function (r, i) {
			if (r.status !== "complete")
				page.append(el("p", {"class": "warn"}, (many ? runNames[i] + ": " : "") + "the run is " + r.status +
					(r.message ? ": " + r.message : "")));
		});
	}

	function showTiles() {
		const tiles = el("div", {"class": "tiles"});
		headline.forEach(function (h) {
			if (runs[0][h[0]] !== null)
				tiles.append(el("div", {"class": "tile", title: full(runs[0][h[0]])}, el("b", {}, short(runs[0][h[0]])),
					el("span", {}, h[1])));
		});
		page.append(tiles);
	}

	/* Side by side; behind the first run the difference to it. */
	function showComparison() {
		const body = headline.map(function (h) {
			const first = runs[0][h[0]];
			return [h[1]].concat(runs.map(function (r, i) {
				const v = r[h[0]];
				const cell = el("td", {"class": "n", title: full(v)}, short(v));
				if (i && first && v !== null && v !== first)
					cell.append(el("div", {"class": "soft"}, (v > first ? "+" : "−") +
						trim(Math.abs(100 * (v - first) / first)) + " %"));
				return cell;
			}));
		});
		const t = table([""].concat(runNames), body);
		t.classList.add("whole");
		t.querySelectorAll("th:not(:first-child)").forEach(function (th) { th.className = "n"; });
		page.append(el("h2", {}, "Side by side"), t);
	}

	/* ---- where the cycles went ---- */

	function showCycles() {
		const cycles = rows("cycles");
		const order = [];
		const totals = runs.map(function () { return 0; });
		cycles.forEach(function (c) {
			totals[c.place] += c.cycles;
			if (!order.includes(c.cause))
				order.push(c.cause);
		});
		if (!totals.some(Boolean))
			return;
		/* Seven causes have a colour, what is left is one piece. */
		const shown = order.slice(0, COLOURS - 1);
		page.append(el("h2", {}, "Where the cycles went"));
		const figure = el("figure");
		runs.forEach(function (r, place) {
			const bar = el("div", {"class": "bar", role: "img", "aria-label": "cycles of " + runNames[place]});
			let rest = totals[place];
			function piece(name, n, i) {
				if (n > 0)
					bar.append(el("div", {style: "background:" + (i < 0 ? "var(--faint)" : colour(i)) + ";flex:" + n +
						" 0 0", title: name + ": " + trim(100 * n / totals[place]) + " %"}));
			}
			shown.forEach(function (cause, i) {
				const c = cycles.find(function (x) { return x.place === place && x.cause === cause; });
				piece(cause, c ? c.cycles : 0, i);
				rest -= c ? c.cycles : 0;
			});
			piece("other", rest, -1);
			if (many)
				figure.append(el("div", {"class": "soft"}, runNames[place]));
			figure.append(bar);
		});
		const legend = el("div", {"class": "legend"});
		shown.concat(order.length > shown.length ? ["other"] : []).forEach(function (name, i) {
			const n = cycles.filter(function (c) {
				return c.place === 0 && (name === "other" ? !shown.includes(c.cause) : c.cause === name);
			}).reduce(function (sum, c) { return sum + c.cycles; }, 0);
			legend.append(el("span", {}, el("i", {style: "background:" + (name === "other" ? "var(--faint)" : colour(i))}),
				name + (many ? "" : " " + trim(100 * n / totals[0]) + " %")));
		});
		figure.append(legend);
		page.append(figure);
	}

	/* ---- charts over time ---- */

	/* By run: {ms: [...], STAT: [...]}, aligned. */
	function readSeries() {
		const by = runs.map(function () { return {ms: []}; });
		data.series.rows.forEach(function (r) {
			const run = by[r[0]];
			if (run.ms[run.ms.length - 1] !== r[1])
				run.ms.push(r[1]);
			(run[r[2]] = run[r[2]] || [])[run.ms.length - 1] = r[3];
		});
		return by;
	}

	function sum(run, stats, i) {
		return stats.split("+").reduce(function (n, stat) {
			return n + (i >= 0 && run[stat] && run[stat][i] !== undefined ? run[stat][i] : 0);
		}, 0);
	}

	function has(run, stats) {
		return stats.split("+").some(function (stat) { return run[stat]; });
	}

	/* Points [ms, value] of one line of a chart. lines: all of the chart, for shares. */
	function points(run, line, lines) {
		const [, , mode, , stats, per, factor] = line;
		if (!has(run, stats))
			return [];
		return run.ms.map(function (ms, i) {
			const change = sum(run, stats, i) - sum(run, stats, i - 1);
			let by = 1;
			if (mode === "level")
				return [ms, factor * sum(run, stats, i)];
			if (mode === "rate")
				by = ms - (i ? run.ms[i - 1] : 0);
			else if (mode === "ratio")
				by = sum(run, per, i) - sum(run, per, i - 1);
			else
				by = lines.reduce(function (n, l) { return n + sum(run, l[4], i) - sum(run, l[4], i - 1); }, 0);
			return [ms, by > 0 ? factor * change / by : null];
		}).filter(function (p) { return p[1] !== null; });
	}

	function ticks(max, n) {
		const raw = max / n, power = Math.pow(10, Math.floor(Math.log10(raw)));
		const step = [1, 2, 5, 10].map(function (m) { return m * power; }).find(function (s) { return s >= raw; });
		const list = [];
		for (let v = 0; v <= max * 1.0001; v += step)
			list.push(Number(v.toPrecision(12)));
		return list;
	}

	function chart(title, unit, lines) {
		const W = 520, H = 230, L = 52, R = 10, T = 8, B = 24;
		const all = lines.flatMap(function (l) { return l.points; });
		const xmax = Math.max.apply(null, all.map(function (p) { return p[0]; }));
		const top = Math.max.apply(null, all.map(function (p) { return p[1]; }));
		const yticks = ticks(top || 1, 4);
		const ymax = (top || 1) * 1.04;
		const x = function (ms) { return L + (W - L - R) * ms / (xmax || 1); };
		const y = function (v) { return H - B - (H - T - B) * v / ymax; };
		const s = svg("svg", {viewBox: "0 0 " + W + " " + H, role: "img", tabindex: "0",
			"aria-label": title + ", " + unit + ", over simulated milliseconds"});
		function label(text, at, anchor) {
			const t = svg("text", {x: at[0], y: at[1], "text-anchor": anchor});
			t.textContent = text;
			s.append(t);
		}
		yticks.forEach(function (v) {
			s.append(svg("line", {"class": "grid", x1: L, x2: W - R, y1: y(v), y2: y(v)}));
			label(short(v), [L - 6, y(v) + 4], "end");
		});
		ticks(xmax || 1, 5).forEach(function (ms, i, list) {
			label(short(ms) + (i === list.length - 1 ? " ms" : ""), [x(ms), H - 6],
				i === list.length - 1 && x(ms) > W - 40 ? "end" : "middle");
		});
		lines.forEach(function (l) {
			const d = l.points.map(function (p, i) {
				return (i ? "L" : "M") + x(p[0]).toFixed(1) + " " + y(p[1]).toFixed(1);
			});
			s.append(svg("path", {"class": "curve", d: d.join(""), stroke: l.colour}));
		});
		const figure = el("figure", {}, el("figcaption", {}, el("h3", {}, title), el("span", {}, unit)), s);
		if (lines.length > 1) {
			const legend = el("div", {"class": "legend"});
			lines.forEach(function (l) {
				legend.append(el("span", {}, el("i", {style: "background:" + l.colour}), l.label));
			});
			figure.append(legend);
		}
		addTip(figure, s, lines, {x: x, y: y, W: W, H: H, T: T, B: B, xmax: xmax, unit: unit});
		return figure;
	}

	/* A vertical mark at the nearest snapshot, and the values there. Arrow keys move it. */
	function addTip(figure, s, lines, g) {
		const times = Array.from(new Set(lines.flatMap(function (l) {
			return l.points.map(function (p) { return p[0]; });
		}))).sort(function (a, b) { return a - b; });
		const mark = svg("line", {"class": "mark", y1: g.T, y2: g.H - g.B, visibility: "hidden"});
		const tip = el("div", {"class": "tip", hidden: ""});
		let at = -1;
		function nearest(list, ms) {
			return list.reduce(function (best, p, i) {
				return Math.abs(p - ms) < Math.abs(list[best] - ms) ? i : best;
			}, 0);
		}
		function show(i) {
			at = Math.max(0, Math.min(times.length - 1, i));
			const px = g.x(times[at]);
			mark.setAttribute("x1", px);
			mark.setAttribute("x2", px);
			mark.setAttribute("visibility", "visible");
			tip.replaceChildren(el("div", {"class": "soft"}, trim(times[at]) + " ms"));
			lines.forEach(function (l) {
				const p = l.points[nearest(l.points.map(function (q) { return q[0]; }), times[at])];
				tip.append(el("div", {}, el("i", {style: "background:" + l.colour}), l.label + " ",
					el("b", {}, short(p[1]))));
			});
			tip.hidden = false;
			const scale = s.getBoundingClientRect().width / g.W;
			const left = s.offsetLeft === undefined ? 14 : s.offsetLeft;
			const wide = tip.offsetWidth;
			tip.style.top = "44px";
			tip.style.left = Math.max(4, px * scale + 14 + (px > g.W / 2 ? -wide - 8 : 8) + left) + "px";
		}
		function hide() {
			tip.hidden = true;
			mark.setAttribute("visibility", "hidden");
		}
		s.append(mark);
		figure.append(tip);
		s.addEventListener("pointermove", function (event) {
			const box = s.getBoundingClientRect();
			const px = (event.clientX - box.left) * g.W / box.width;
			show(nearest(times.map(g.x), px));
		});
		s.addEventListener("pointerleave", hide);
		s.addEventListener("blur", hide);
		s.addEventListener("keydown", function (event) {
			if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
				show(at + (event.key === "ArrowLeft" ? -1 : 1));
				event.preventDefault();
			}
		});
	}

	function isDrawn(line) {
		return line.points.length > 1 && line.points.some(function (p) { return p[1] !== 0; });
	}

	/* One run: a chart shows its lines. Several runs: each line is a chart with a line a run. */
	function showCharts() {
		const series = readSeries();
		const box = el("div", {"class": "charts"});
		const names = Array.from(new Set(data.charts.map(function (c) { return c[0]; })));
		names.forEach(function (name) {
			const of = data.charts.filter(function (c) { return c[0] === name; });
			if (!many) {
				const lines = of.map(function (c, i) {
					return {label: c[3], colour: colour(i), points: points(series[0], c, of)};
				}).filter(isDrawn);
				if (lines.length)
					box.append(chart(name, of[0][1], lines));
				return;
			}
			of.forEach(function (c) {
				const lines = runs.map(function (r, place) {
					return {label: runNames[place], colour: colour(place), points: points(series[place], c, of)};
				});
				if (lines.some(isDrawn))
					box.append(chart(of.length > 1 ? name + ": " + c[3] : name, c[1], lines.filter(function (l) {
						return l.points.length > 1;
					})));
			});
		});
		page.append(el("h2", {}, "Over simulated time"));
		if (box.childElementCount)
			page.append(box);
		else
			page.append(el("p", {"class": "soft"}, "No interval snapshots were taken: " +
				"run with --set metrics.interval_us=1000 to draw lines."));
	}

	/* ---- details ---- */

	function showParams() {
		const by = new Map();
		rows("params").forEach(function (p) {
			if (!by.has(p.path))
				by.set(p.path, {def: p.default_value, unit: p.unit, sentence: p.sentence, values: [], origin: p.origin});
			by.get(p.path).values[p.place] = p.value;
		});
		const body = [];
		by.forEach(function (p, path) {
			const differs = new Set(runs.map(function (r, i) { return p.values[i]; })).size > 1;
			const set = p.origin !== "default" || differs;
			const cells = runs.map(function (r, i) {
				const td = el("td", {"class": set ? "long changed" : "long"}, full(p.values[i]));
				return td;
			});
			body.push({set: (differs ? 2 : 0) + (set ? 1 : 0), row: [path].concat(cells, [p.unit, many ? p.sentence :
				p.origin + (p.sentence ? " · " + p.sentence : "")])});
		});
		body.sort(function (a, b) { return b.set - a.set; });
		part("Parameters", ["parameter"].concat(many ? runNames : ["value"], ["unit", "meaning"]),
			body.map(function (b) { return b.row; }), false);
	}

	function showTotals() {
		const by = new Map();
		rows("totals").forEach(function (t) {
			const key = t.stat + " " + t.scope;
			if (!by.has(key))
				by.set(key, {stat: t.stat, scope: t.scope, unit: t.unit, sentence: t.sentence, values: []});
			by.get(key).values[t.place] = t.value;
		});
		const body = Array.from(by.values()).map(function (t) {
			const cells = runs.map(function (r, i) { return t.values[i] === undefined ? 0 : t.values[i]; });
			return [t.stat, t.scope].concat(cells, [t.unit, t.sentence]);
		}).sort(function (a, b) { return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] < b[1] ? -1 : 1; });
		part("All statistics at the end", ["statistic", "of each"].concat(many ? runNames : ["value"], ["unit", "meaning"]),
			body, false);
	}

	if (!runs.length) {
		page.append(el("p", {}, "The store holds no run."));
		return;
	}
	showHead();
	if (many)
		showComparison();
	else
		showTiles();
	showCycles();
	showCharts();
	const numa = ["node", "numa_hit", "numa_miss", "numa_foreign", "interleave_hit", "local_node", "other_node", "local_ratio"];
	part("Memory nodes", heads(numa), plain("numa", numa), true);
	const processes = ["process", "min_flt", "maj_flt", "rss_pages", "swap_pages"];
	part("Processes", heads(processes), plain("processes", processes), true);
	const latency = ["stat", "scope", "instance", "count", "mean", "p50", "p90", "p99", "max", "unit"];
	part("Latencies", heads(latency), plain("latency", latency), false);
	part("Kinds of events", heads(["kind", "events"]), plain("kinds", ["kind", "events"]), false);
	const events = ["ms", "kind", "scope", "value", "detail"];
	part("First events", heads(events), plain("events", events), false);
	showParams();
	showTotals();
})();
