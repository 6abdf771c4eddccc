// What .ci/screenshots does in the browser: node screenshots.cjs WHAT-THE-DEMO-SAID FOLDER [readme]
const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [said, folder, readme] = process.argv.slice(2);
const text = fs.readFileSync(said, "utf8");
const find = (pattern) => (text.match(pattern) || [])[1];
const board = find(/board\s+(http:\S+)/);
const origin = find(/(http:\/\/\S+)\/console/);
const key = find(/^key +(\S+)/m);
const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(fs.existsSync);

// One page of each shape is looked at: what has a digit in it names one of many, and how a list is sorted and filtered is one shape.
const lists = ["sort", "dir", "shop", "portal", "code", "state", "status", "stage", "page", "before", "after", "stock", "product"];
const shape = (url) => {
  const part = (name) => (/\d/.test(decodeURIComponent(name)) ? "N" : name);
  const told = [...url.searchParams].filter(([name]) => !lists.includes(name));
  const query = told.map(([name, value]) => (/\d/.test(value) ? name : `${name}-${value}`));
  return [...url.pathname.split("/").filter(Boolean).map(part), ...query].join("_").replace(/[^\w.-]/g, "-");
};
const isPage = (url) =>
  url.origin === origin && url.pathname.startsWith("/console") &&
  !/\/(assets|language|live|export|authorisation)(\/|$)/.test(url.pathname);

async function context(browser, { width, lang, theme }) {
  const made = await browser.newContext({
    viewport: { width, height: width < 500 ? 844 : 900 }, colorScheme: theme, locale: lang, deviceScaleFactor: 1,
  });
  await made.addCookies([{ name: "b24_lang", value: lang, url: origin }]);
  const page = await made.newPage();
  await page.goto(`${origin}/console/sign-in`);
  return { made, page };
}

async function signIn(page) {
  const more = page.locator("summary");
  if (!(await page.locator("input[name=key]").isVisible()) && (await more.count())) await more.first().click();
  await page.fill("input[name=key]", key);
  await page.press("input[name=key]", "Enter");
  await page.waitForURL(/\/console(?!\/sign-in)/);
}

// All pages that links lead to, by shape, the overview first.
async function crawl(page) {
  const found = new Map();
  const queue = [new URL(`${origin}/console`)];
  while (queue.length && found.size < 120) {
    const url = queue.shift();
    const name = shape(url);
    if (found.has(name)) continue;
    const answer = await page.goto(url.href);
    if (!(answer.headers()["content-type"] || "").startsWith("text/html")) continue;
    found.set(name, url.pathname + url.search);
    const links = await page.$$eval("a[href]", (all) => all.filter((a) => !a.download).map((a) => a.href));
    for (const link of links) {
      const to = new URL(link);
      to.hash = "";
      if (isPage(to) && !found.has(shape(to))) queue.push(to);
    }
  }
  return found;
}

// What can be seen to be wrong without looking: too wide, not in Russian, empty.
const faults = (lang) => {
  const wrong = [];
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > room) {
    const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > room + 1);
    const names = wide.slice(-3).map((e) => `${e.tagName.toLowerCase()}.${e.className}`);
    wrong.push(`${document.documentElement.scrollWidth} px wide: ${names.join(", ")}`);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (lang === "ru" && walker.nextNode()) {
    const { parentElement, textContent } = walker.currentNode;
    if (parentElement.closest("code, pre, script, style, textarea, kbd, .mono")) continue;
    const words = textContent.match(/[A-Za-z][a-z]{2,}(?: [a-z]{2,}){2,}/);
    if (words) wrong.push(`not in Russian: ${words[0]}`);
  }
  for (const e of document.querySelectorAll("td, p, h1, h2, h3, a, button, dd")) {
    if (/undefined|NaN|\[object|\{\{|%[sd]\b/.test(e.textContent)) wrong.push(`odd: ${e.textContent.trim().slice(0, 60)}`);
  }
  return [...new Set(wrong)];
};

async function all(browser) {
  const start = { width: 1400, lang: "en", theme: "light" };
  const { made, page } = await context(browser, start);
  await signIn(page);
  const pages = await crawl(page);
  await made.close();
  const told = [];
  for (const width of [1400, 390]) for (const lang of ["en", "ru"]) for (const theme of ["light", "dark"]) {
    const { made, page } = await context(browser, { width, lang, theme });
    const broken = [];
    page.on("pageerror", (error) => broken.push(String(error)));
    page.on("console", (line) => line.type() === "error" && broken.push(line.text()));
    const shoot = async (name, address) => {
      const began = Date.now();
      const answer = await page.goto(address, { waitUntil: "load" });
      const kilobytes = Math.round((await answer.body()).length / 1024);
      const loud = broken.splice(0).filter((line) => name !== "not-found" || !line.includes("404"));
      const wrong = [...(await page.evaluate(faults, lang)), ...loud];
      for (const fault of wrong) told.push(`${width} ${lang} ${theme} ${name}: ${fault}`);
      if (theme === "light" && width === 1400 && lang === "en") {
        console.log(`${name}: ${kilobytes} KB, ${Date.now() - began} ms, ${address.replace(origin, "")}`);
      }
      const file = path.join(folder, `${name}.${width}.${lang}.${theme}.png`);
      await page.screenshot({ path: file, fullPage: true });
    };
    await shoot("sign-in", `${origin}/console/sign-in`);
    await page.goto(`${origin}/console/sign-in`);
    await signIn(page);
    for (const [name, address] of pages) await shoot(name, origin + address);
    await shoot("not-found", `${origin}/console/nothing-is-here`);
    await shoot("board", board);
    await made.close();
  }
  fs.writeFileSync(path.join(folder, "faults.txt"), told.map((line) => `${line}\n`).join(""));
  console.log(`${pages.size + 3} pages, eight pictures each, in ${folder}; seen to be wrong: ${told.length}`);
  told.forEach((line) => console.log(line));
}

// The first screen of the overview and of the board, as small pictures.
async function pictures(browser) {
  const { page } = await context(browser, { width: 1200, lang: "en", theme: "light" });
  await signIn(page);
  const devtools = await page.context().newCDPSession(page);
  const take = async (name, address) => {
    await page.goto(address);
    // The board is drawn by its script, from what the portal answers.
    await page.waitForFunction(() => document.body.innerText.length > 300);
    await page.setViewportSize({ width: 1200, height: 720 });
    const { data } = await devtools.send("Page.captureScreenshot", { format: "webp", quality: 70 });
    fs.writeFileSync(path.join(folder, `${name}.webp`), Buffer.from(data, "base64"));
  };
  await take("console", `${origin}/console`);
  await take("board", board);
}

(async () => {
  fs.mkdirSync(folder, { recursive: true });
  const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
  try {
    await (readme ? pictures : all)(browser);
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
