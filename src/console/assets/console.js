// Nothing here is needed: without it times are in UTC and the overview is reloaded by hand.
'use strict';

function localTimes(root) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
  });
  for (const time of root.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) {
      time.title = time.textContent;
      time.textContent = format.format(at);
    }
  }
}

function keepLive(place) {
  const source = new EventSource(place.dataset.live);
  source.addEventListener('message', (event) => {
    // Whoever stands on a link here is not thrown off it.
    if (place.contains(document.activeElement)) return;
    const page = new DOMParser().parseFromString(event.data, 'text/html');
    if (page.querySelector('[data-end]')) source.close();
    place.replaceChildren(...page.body.childNodes);
    localTimes(place);
  });
}

localTimes(document);
const place = document.querySelector('[data-live]');
if (place) keepLive(place);
