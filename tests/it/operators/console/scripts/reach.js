// Where the keyboard stands, and whether that can be seen; the elements that it must come to are numbered at the first call, and anew
// where a live part took the place of some.
(() => {
  const wanted = 'a[href], button:not(:disabled), input:not([type=hidden]):not(:disabled), select, textarea, summary';
  const renewed = !window.places?.every((one) => one.isConnected);
  if (renewed) {
    window.places = [...document.querySelectorAll(wanted)].filter((at) => at.checkVisibility({ visibilityProperty: true }));
  }
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  const inside = box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight && box.width > 0;
  const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return {
    all: window.places.length,
    renewed,
    place: window.places.indexOf(at),
    what: at.outerHTML.slice(0, 120),
    seen: at === document.body || (inside && outlined),
  };
})()
