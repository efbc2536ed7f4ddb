"use strict";
// Conversation text reaches the page as text nodes only: no markup is ever built from data.
(async () => {
  const byId = (id) => document.getElementById(id);
  const make = (tag, name, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined && text !== null) node.textContent = text;
    return node;
  };

  const links = [...document.querySelectorAll(".contents a")];
  if (links.length && "IntersectionObserver" in window) {
    const seen = new Map();
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) seen.set(entry.target.id, entry.isIntersecting);
      const current = links.find((link) => seen.get(link.hash.slice(1)));
      for (const link of links) {
        if (link === current) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }, { rootMargin: "-12% 0px -70% 0px" });
    for (const section of document.querySelectorAll("main section[id]")) watcher.observe(section);
  }

  const holder = byId("explorer-data");
  if (!holder) return;
  const status = byId("explorer-count");
  if (!("DecompressionStream" in window)) {
    status.textContent = "This browser is too old to unpack the sample; everything else on the page works.";
    return;
  }
  const packed = Uint8Array.from(atob(holder.textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(stream).text());
  const conversations = data.conversations;
  for (const c of conversations) {
    c.haystack = [c.id, c.model, c.summary, ...c.topics, ...c.messages.flatMap((m) => [m.text, ...m.thoughts.map((t) => t.text)])].join("\n").toLowerCase();
  }

  const form = byId("explorer-form"), list = byId("explorer-hits"), reading = byId("explorer-reading");
  const field = (name) => form.elements.namedItem(name);
  const option = (value, text) => { const o = make("option", "", text); o.value = value; return o; };
  for (const name of ["domain", "model", "stage", "length"]) {
    for (const [value, text] of data.filters[name]) field(name).append(option(value, text));
  }
  for (const [heading, labels] of data.filters.label) {
    const group = document.createElement("optgroup");
    group.label = heading;
    for (const [value, text] of labels) group.append(option(value, text));
    field("label").append(group);
  }

  const lengthFits = (n, range) => {
    const [low, high] = range.split("-").map(Number);
    return n >= low && n <= high;
  };
  const thoughtFits = (m, t, q) => (!q.label || q.label === t.kind + ":" + t.label) && (!q.stage || m.stage === q.stage);
  const messageFits = (m, q) =>
    (!!q.label && q.label === "relationship:" + m.relationship && (!q.stage || m.stage === q.stage)) ||
    m.thoughts.some((t) => thoughtFits(m, t, q));
  const query = () => ({
    text: field("text").value.trim().toLowerCase(), domain: field("domain").value, label: field("label").value,
    model: field("model").value, stage: field("stage").value, length: field("length").value,
  });
  const fits = (c, q) =>
    (!q.text || c.haystack.includes(q.text)) && (!q.domain || c.domains.includes(q.domain)) &&
    (!q.model || c.model === q.model) && (!q.length || lengthFits(c.messages.length, q.length)) &&
    ((!q.label && !q.stage) || c.messages.some((m) => messageFits(m, q)));

  // the found words stand in <mark>, everything else stays a text node
  const write = (parent, text, word) => {
    if (!word) { parent.append(text); return; }
    const lower = text.toLowerCase();
    if (lower.length !== text.length) { parent.append(text); return; }
    let from = 0, at;
    while ((at = lower.indexOf(word, from)) >= 0) {
      parent.append(text.slice(from, at), make("mark", "", text.slice(at, at + word.length)));
      from = at + word.length;
    }
    parent.append(text.slice(from));
  };
  const LONG = 1100;
  const textBlock = (text, word) => {
    const box = document.createDocumentFragment(), body = make("div", "text");
    write(body, text, word);
    box.append(body);
    if (text.length > LONG && !(word && text.toLowerCase().includes(word))) {
      body.classList.add("is-long");
      const more = make("button", "", "Show all " + text.length.toLocaleString("en") + " characters");
      more.type = "button";
      more.setAttribute("aria-expanded", "false");
      more.addEventListener("click", () => {
        const isLong = body.classList.toggle("is-long");
        more.setAttribute("aria-expanded", String(!isLong));
        more.textContent = isLong ? "Show all " + text.length.toLocaleString("en") + " characters" : "Show less";
      });
      box.append(more);
    }
    return box;
  };
  const show = (c, q) => {
    reading.replaceChildren(make("h3", "", c.summary || c.id));
    const about = [c.id, c.model, c.messages.length + " messages", ...c.topics].join(" · ");
    reading.append(make("p", "muted small", about));
    for (const m of c.messages) {
      const turn = make("div", "turn " + (m.role === "user" ? "user" : "assistant"));
      const message = make("div", "message"), notes = make("div", "notes");
      const facts = [m.role === "user" ? "User" : "Assistant", data.names.stage[m.stage] || m.stage];
      if (m.relationship) facts.push(data.names.relationship[m.relationship] || m.relationship);
      message.append(make("p", "who", facts.join(" · ")), textBlock(m.text, q.text));
      for (const t of m.thoughts) {
        const hit = (q.label || q.stage) && thoughtFits(m, t, q);
        const note = make("div", "thought " + (t.kind === "reason" ? "reason" : "reaction") + (hit ? " is-hit" : ""));
        const name = t.label ? (data.names[t.kind][t.label] || t.label) : "no label";
        note.append(make("p", "who", (t.kind === "reason" ? "Reason · " : "Reaction · ") + name), textBlock(t.text, q.text));
        notes.append(note);
      }
      turn.append(message, notes);
      reading.append(turn);
    }
    reading.scrollTop = 0;
  };
  const choose = (button, c, q, byPerson) => {
    for (const other of list.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    show(c, q);
    if (byPerson && matchMedia("(max-width: 46rem)").matches) reading.scrollIntoView();
  };
  const run = () => {
    const q = query(), hits = conversations.filter((c) => fits(c, q));
    status.textContent = hits.length + " of " + conversations.length + " conversations";
    list.replaceChildren();
    for (const c of hits) {
      const item = make("li"), button = make("button", "", c.summary || c.messages[0]?.text.slice(0, 110) || c.id);
      button.type = "button";
      button.append(make("span", "", [c.model, c.messages.length + " messages", c.topics[0]].filter(Boolean).join(" · ")));
      button.addEventListener("click", () => choose(button, c, q, true));
      item.append(button);
      list.append(item);
    }
    const first = list.querySelector("button");
    if (first) choose(first, hits[0], q, false);
    else reading.replaceChildren(make("p", "muted", "Nothing fits. Loosen a filter or search for another word."));
  };
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...list.querySelectorAll("button")], next = buttons[buttons.indexOf(document.activeElement) + step];
    if (next) { event.preventDefault(); next.focus(); next.click(); }
  });
  let waiting;
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(run, 120); });
  form.addEventListener("submit", (event) => { event.preventDefault(); run(); });
  form.addEventListener("reset", () => setTimeout(run));
  run();
  document.documentElement.dataset.explorer = "ready";
})();
