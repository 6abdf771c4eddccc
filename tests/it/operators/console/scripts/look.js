// What stands on the page too faint to read, or wider than the page: a list of sentences, empty if all is well.
(() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, under) => {
    const mix = (x, y) => x * top.a + y * (1 - top.a);
    return { r: mix(top.r, under.r), g: mix(top.g, under.g), b: mix(top.b, under.b), a: 1 };
  };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const canvas = dark ? { r: 18, g: 18, b: 18, a: 1 } : { r: 255, g: 255, b: 255, a: 1 };
  const behind = (at) => {
    if (!at) return canvas;
    const own = parse(getComputedStyle(at).backgroundColor);
    return own.a === 1 ? own : over(own, behind(at.parentElement));
  };
  const seen = (at) => at.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const faults = [];
  const check = (at, color, words) => {
    const style = getComputedStyle(at);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    let faint = 1;
    for (let up = at; up; up = up.parentElement) faint *= Number(getComputedStyle(up).opacity);
    const back = behind(at);
    const front = parse(color);
    const found = ratio(over({ ...front, a: front.a * faint }, back), back);
    if (found < (large ? 3 : 4.5)) faults.push(`${found.toFixed(2)} ${color} on ${JSON.stringify(back)}: ${words}`);
  };
  let texts = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const at = walk.currentNode.parentElement;
    const words = walk.currentNode.textContent.trim();
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    if (!words || !seen(at) || at.closest(':disabled, option') || range.getClientRects().length === 0) continue;
    texts += 1;
    check(at, getComputedStyle(at).color, words.slice(0, 60));
  }
  for (const at of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
    if (!seen(at) || at.disabled) continue;
    check(at, getComputedStyle(at).color, `value of ${at.name}`);
    if (at.placeholder) check(at, getComputedStyle(at, '::placeholder').color, `placeholder of ${at.name}`);
  }
  // One button of a page is the first thing to do, and no button lies on words.
  const first = document.createElement('button');
  document.body.append(first);
  const main = document.querySelector('main') || document.body;
  const colour = getComputedStyle(first).backgroundColor;
  first.remove();
  const buttons = [...main.querySelectorAll('button, .button')].filter(seen);
  const primary = buttons.filter((at) => !at.disabled && getComputedStyle(at).backgroundColor === colour);
  if (primary.length > 1) faults.push(`first things to do: ${primary.map((at) => at.textContent.trim()).join(', ')}`);
  const meets = (one, other) =>
    one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1;
  for (const button of buttons) {
    const box = button.getBoundingClientRect();
    for (const at of (button.closest('li, section, form') || main).querySelectorAll('p, dd, dt')) {
      const words = document.createRange();
      words.selectNodeContents(at);
      const under = !at.contains(button) && [...words.getClientRects()].some((rect) => meets(rect, box));
      if (under) faults.push(`a button on words: ${at.textContent.trim().slice(0, 60)}`);
    }
  }
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`the page is ${root.scrollWidth} wide, the window ${root.clientWidth}`);
  if (texts < 5) faults.push('hardly anything was looked at');
  return faults;
})()
