// Nothing here is needed: without it times are in UTC and pages are reloaded by hand.
'use strict';

const lang = document.documentElement.lang;
const exact = new Intl.DateTimeFormat(lang, {
  year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
});
const date = new Intl.DateTimeFormat(lang, { year: 'numeric', month: 'short', day: '2-digit' });
const distance = new Intl.RelativeTimeFormat(lang, { style: 'short' });
// As the server does: seconds up to two minutes, minutes up to two hours, hours up to two days, days up to a week.
const STEPS = [[120, 1, 'second'], [7200, 60, 'minute'], [172800, 3600, 'hour'], [604800, 86400, 'day']];

function ago(at) {
  const seconds = (at - Date.now()) / 1000;
  const step = STEPS.find(([most]) => Math.abs(seconds) < most);
  return step ? distance.format(Math.trunc(seconds / step[1]), step[2]) : date.format(at);
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

function keepLive(place) {
  const source = new EventSource(place.dataset.live);
  source.addEventListener('message', (event) => {
    const page = new DOMParser().parseFromString(event.data, 'text/html');
    if (page.querySelector('[data-end]')) source.close();
    // Whoever stands on a link here is not thrown off it.
    if (place.contains(document.activeElement)) return;
    place.replaceChildren(...page.body.childNodes);
    localTimes(place);
  });
}

localTimes(document);
setInterval(() => localTimes(document), 20000);
const place = document.querySelector('[data-live]');
if (place) keepLive(place);
