// Keeps the order page in step with the order. Without this script the page loads itself anew
// every few seconds; with it, it listens for events, and asks from time to time when it can't.
// One request is under way at most, and all ends when the order stands finally.
(() => {
  "use strict";

  const eventWait = 10000; // how long an event stream may take to say how the order stands
  const eventTries = 3; // failures in a row after which the page only asks
  const patience = 8000; // how long an answer may take
  const askFirst = 3000;
  const askSlowest = 20000;

  let source = null;
  let timer = 0;
  let failures = 0;
  let wait = askFirst;
  let busy = false;
  let missed = ""; // the version of an event that came while busy
  let clockAhead = 0; // the server's clock minus ours
  const said = new Set(); // what the countdown has spoken of
  let gone = false;

  const order = () => document.getElementById("order");
  const live = () => order().hasAttribute("data-live");

  // say tells a screen reader, which passes over what stands there already.
  function say(text) {
    const news = document.getElementById("news");
    news.textContent = news.textContent === text ? text + "\u00a0" : text;
  }

  // stop ends listening and asking.
  function stop() {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  }

  // listen waits for events, or for the next question when events do not come through.
  function listen() {
    stop();
    if (!live() || document.visibilityState === "hidden") return;
    if (!window.EventSource || failures >= eventTries) {
      timer = setTimeout(ask, wait);
      return;
    }
    source = new EventSource(order().dataset.address + "/events");
    source.onmessage = (event) => {
      clearTimeout(timer);
      failures = 0;
      wait = askFirst;
      compare(event.lastEventId);
    };
    source.onerror = fallBack;
    timer = setTimeout(fallBack, eventWait);
  }

  function fallBack() {
    failures++;
    stop();
    timer = setTimeout(ask, wait);
  }

  // ask asks once how the order stands, then listens again.
  async function ask() {
    if (busy) return; // what goes on now ends in listening
    stop();
    if (!live()) return;
    busy = true;
    try {
      const was = order().dataset.version;
      await renew((await load(order().dataset.address + "/status")).version);
      const lasts = order().dataset.version === was && !order().querySelector("[data-expires]");
      wait = lasts ? Math.min(wait * 1.5, askSlowest) : askFirst; // what has no end near may last for days
    } catch {
      wait = Math.min(wait * 2, askSlowest);
    } finally {
      busy = false;
    }
    listen();
  }

  // load reads what an address shows now. An answer that does not come is a failure in the end.
  async function load(address) {
    const giveUp = new AbortController();
    const late = setTimeout(() => giveUp.abort(), patience);
    try {
      const answer = await fetch(address, { cache: "no-store", signal: giveUp.signal });
      if (!answer.ok) throw new Error(answer.statusText);
      return { version: (answer.headers.get("ETag") || "").replace(/^W\/|"/g, ""), text: await answer.text() };
    } finally {
      clearTimeout(late);
    }
  }

  // compare renews the page for an event, and once more for one that came meanwhile.
  async function compare(version) {
    if (version === order().dataset.version) return;
    if (busy) {
      missed = version;
      return;
    }
    busy = true;
    let renewed = true;
    try {
      await renew(version);
    } catch {
      renewed = false;
    }
    busy = false;
    const next = missed;
    missed = "";
    if (!renewed) fallBack();
    else if (!live()) stop();
    else if (!source) listen();
    else if (next) compare(next);
  }

  // renew replaces the order by the one that the server shows now, unless it is the same.
  async function renew(version) {
    if (version && version === order().dataset.version) return;
    const page = new DOMParser().parseFromString((await load(order().dataset.address)).text, "text/html");
    const next = page.getElementById("order");
    if (!next) throw new Error("no order in the page");
    const heading = order().querySelector("h1").textContent;
    const focused = order().contains(document.activeElement);
    order().replaceWith(document.adoptNode(next));
    document.title = page.title;
    prepare();
    const now = order().querySelector("h1");
    if (now.textContent !== heading) say(now.textContent);
    if (focused) now.focus({ preventScroll: true });
  }

  // prepare makes a page that has just come from the server ready.
  function prepare() {
    clockAhead = Date.parse(order().dataset.now) - Date.now();
    for (const button of order().querySelectorAll("[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", () => copy(button));
    }
    const print = order().querySelector("[data-print]");
    if (print) {
      print.hidden = false;
      print.addEventListener("click", () => window.print());
    }
    tick();
  }

  // tick shows the time that is left by the server's clock, and speaks of it twice at most.
  function tick() {
    const left = order().querySelector("[data-expires]");
    if (!left) return;
    const end = left.getAttribute("datetime");
    const seconds = Math.floor((Date.parse(end) - Date.now() - clockAhead) / 1000);
    left.textContent = clock(Math.max(seconds, 0));
    left.parentElement.classList.toggle("soon", seconds <= 120);
    for (const mark of [60, 300]) {
      if (seconds > mark || seconds < mark - 10 || said.has(mark + end)) continue;
      said.add(mark + end);
      say(left.getAttribute("data-say-" + mark));
    }
    if (seconds <= 0 && seconds % 3 === 0) ask(); // the order has moved on, or is about to
  }

  function clock(seconds) {
    const two = (n) => String(n).padStart(2, "0");
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return minutes + ":" + two(seconds % 60);
    return Math.floor(minutes / 60) + ":" + two(minutes % 60) + ":" + two(seconds % 60);
  }

  async function copy(button) {
    const text = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      if (!copyByHand(text, button)) return;
    }
    say(button.dataset.copied);
    const label = button.textContent;
    if (label === button.dataset.copied) return; // pressed again
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = label; }, 2000);
  }

  // copyByHand is for pages without https and for old browsers inside wallets.
  function copyByHand(text, button) {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "unseen";
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    button.focus(); // which the field took
    return copied;
  }

  // goOn presses the one button of a phone that has just scanned the code, once, and for somebody who
  // sees the page: nothing is begun for a browser that loads it ahead.
  function goOn() {
    const button = document.querySelector("form[data-goes-on] button[name=wallet]");
    if (!button || gone || document.prerendering || document.visibilityState !== "visible") return;
    gone = true;
    button.click();
  }

  // A notice is about the last step; it is gone when the page is loaded again.
  if (location.search) history.replaceState(null, "", location.pathname);

  prepare();
  setInterval(tick, 1000);
  listen();
  goOn();

  // Back from a wallet, from another tab or from the browser's memory: see what happened.
  const resume = () => {
    failures = 0;
    wait = askFirst;
    if (document.visibilityState === "hidden") stop();
    else ask();
    goOn();
  };
  document.addEventListener("visibilitychange", resume);
  window.addEventListener("pageshow", (event) => { if (event.persisted) resume(); });
  window.addEventListener("online", resume);
})();
