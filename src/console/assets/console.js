// Nothing here is needed: without it times are in UTC and pages are reloaded by hand.
'use strict';

const lang = document.documentElement.lang;
const exact = new Intl.DateTimeFormat(lang, {
  year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
});
const date = new Intl.DateTimeFormat(lang, { year: 'numeric', month: 'short', day: '2-digit' });
const now = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' }).format(0, 'second');
const distance = new Intl.RelativeTimeFormat(lang, { style: 'short' });
// As the server does: seconds up to two minutes, minutes up to two hours, hours up to two days, days up to a week.
const STEPS = [[120, 1, 'second'], [7200, 60, 'minute'], [172800, 3600, 'hour'], [604800, 86400, 'day']];

function ago(at) {
  const seconds = (at - Date.now()) / 1000;
  const step = STEPS.find(([most]) => Math.abs(seconds) < most);
  const many = step && Math.trunc(seconds / step[1]);
  if (many === 0) return now;
  return step ? distance.format(many, step[2]) : date.format(at);
}

function localTimes(root) {
  for (const time of root.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const told = 'ago' in time.dataset ? ago(at) : exact.format(at);
    if (time.textContent !== told) time.textContent = told;
    time.title = 'ago' in time.dataset ? exact.format(at) : time.dateTime;
  }
}

// A number or a code with hyphens stays on one line; very long ones may break.
const TOKENS = /([^\s/()«»"“”,;]+)/;
const isNumber = (token) => token.length <= 24 && token.indexOf('-', 1) > 0 && /\d/.test(token);

function keepWhole(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const shown = !text.parentElement.closest('pre, code, textarea, option, script, time, .whole');
    if (shown && text.data.includes('-') && text.data.split(TOKENS).some(isNumber)) texts.push(text);
  }
  for (const text of texts) {
    text.replaceWith(...text.data.split(TOKENS).map((part) => {
      if (!isNumber(part)) return part;
      const whole = document.createElement('span');
      whole.className = 'whole';
      whole.textContent = part;
      return whole;
    }));
  }
}

// What somebody stands on, and what was opened, stays so in the new part.
function keyOf(element) {
  // What opens may be told with figures that change.
  const part = element.matches('summary') ? element.parentElement.dataset.key : null;
  const own = part ?? element.getAttribute('href') ?? element.name;
  return [element.tagName, own || element.textContent.trim()].join('\n');
}

function renew(place, nodes) {
  const active = place.contains(document.activeElement) ? document.activeElement : null;
  // Who types is not interrupted.
  if (active?.matches('input:not([type=submit], [type=hidden]), textarea, select')) return false;
  const key = active && keyOf(active);
  const same = active && [...place.querySelectorAll(active.tagName)].filter((one) => keyOf(one) === key);
  const nth = same ? same.indexOf(active) : -1;
  const summaries = (root) => [...root.querySelectorAll('details')].map((one) => [one, keyOf(one.firstElementChild ?? one)]);
  const opened = new Set(summaries(place).filter(([one]) => one.open).map(([, name]) => name));
  place.replaceChildren(...nodes);
  for (const [one, name] of summaries(place)) one.open ||= opened.has(name);
  const again = active && [...place.querySelectorAll(active.tagName)].filter((one) => keyOf(one) === key);
  again?.[nth]?.focus({ preventScroll: true });
  localTimes(place);
  keepWhole(place);
  return true;
}

// When the bridge was last heard of, and whether what is shown is still so.
let heard = Date.now();
// When what is shown was made.
let shown = Date.now();
// When somebody began to look: nothing is asked for in a hidden tab.
let looked = Date.now();
const current = document.getElementById('current');
const lost = document.getElementById('lost');
// Two beats may be missed.
const PULSE = 5000;
const LOST_AFTER = 2.5 * PULSE;
const clock = new Intl.DateTimeFormat(lang, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

function showCurrent() {
  if (!current || !lost || document.hidden) return;
  const gone = Date.now() - Math.max(heard, looked) > LOST_AFTER;
  if (lost.hidden === gone) {
    lost.textContent = lost.dataset.text.replace('{at}', clock.format(heard));
    lost.hidden = !gone;
    document.body.classList.toggle('stale', gone);
  }
  current.textContent = gone ? '' : current.dataset.text.replace('{ago}', ago(shown));
}

async function pulse() {
  if (document.hidden) return;
  try {
    const answer = await fetch('/console/pulse', { cache: 'no-store', redirect: 'manual', signal: AbortSignal.timeout(PULSE) });
    // The session is over: the page of sign-in says so.
    if (answer.type === 'opaqueredirect') location.reload();
    if (answer.ok) heard = Date.now();
  } catch {
    // Not heard of: the bar says since when.
  }
  showCurrent();
}

function keepLive(place) {
  // What is the same is left as it stands: also what somebody has marked there.
  let last = null;
  const open = () => {
    const source = new EventSource(place.dataset.live);
    source.addEventListener('message', (event) => {
      heard = Date.now();
      const page = new DOMParser().parseFromString(event.data, 'text/html');
      if (page.querySelector('[data-end]')) source.close();
      if (event.data === last || renew(place, page.body.childNodes)) {
        last = event.data;
        shown = Date.now();
      }
      showCurrent();
    });
    // After a broken connection the browser tries again by itself; after a refusal, such as a proxy's 502 while the bridge
    // restarts, it does not.
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(open, PULSE);
    });
  };
  open();
}

localTimes(document);
keepWhole(document.body);
setInterval(() => localTimes(document), 20000);
const place = document.querySelector('[data-live]');
if (place) keepLive(place);
if (current) {
  setInterval(pulse, PULSE);
  setInterval(showCurrent, 1000);
  document.addEventListener('visibilitychange', () => {
    looked = Date.now();
    pulse();
  });
  showCurrent();
}

// Keys, while nobody types: they are told at the foot of every page.
const PLACES = { h: '/console', o: '/console/orders', d: '/console/dead-letters', c: '/console/conflicts', p: '/console/portals' };
const SEARCH = '/console/orders#q';
let wentAt = 0;

// The letter on the key, whatever the layout: on a Russian one it is told by its place.
function letterOf(event) {
  const key = event.key.toLowerCase();
  return /^[a-z]$/.test(key) ? key : event.code.replace('Key', '').toLowerCase();
}

function search() {
  const field = document.querySelector('input[type=search]');
  if (field) field.focus();
  else location.href = SEARCH;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest?.('input, textarea, select, [contenteditable]')) return;
  const russian = event.code === 'Slash' && event.key;
  const keys = document.getElementById('keys');
  if (event.key === '?' || russian === ',') {
    if (!keys) return;
    keys.open = !keys.open;
    if (keys.open) keys.scrollIntoView({ block: 'nearest' });
  } else if (event.key === '/' || russian === '.') {
    search();
  } else if (Date.now() - wentAt < 1500 && PLACES[letterOf(event)]) {
    location.href = PLACES[letterOf(event)];
  } else {
    wentAt = letterOf(event) === 'g' ? Date.now() : 0;
    return;
  }
  event.preventDefault();
}

document.addEventListener('keydown', onKey);
if (location.hash === '#q') search();
