// Texts of a page in Russian that are English: two Latin words in a row, outside of code, data and what people named themselves.
(() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const at = walk.currentNode.parentElement;
    const words = walk.currentNode.textContent.trim();
    if (at.closest('code, pre, textarea, script, style')) continue;
    if (/\b[a-z']{2,} [a-z']{2,}\b/i.test(words)) found.push(words.slice(0, 120));
  }
  return found;
})()
