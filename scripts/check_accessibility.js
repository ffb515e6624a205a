// Look at an HTML report as its readers do: run axe in headless Chromium, light and dark, wide and on a phone.
//
//     npm install --prefix /tmp/axe axe-core puppeteer-core
//     NODE_PATH=/tmp/axe/node_modules node scripts/check_accessibility.js report.html [FOLDER]
//
// It exits with 1 if axe finds something, the page is wider than its window, or anything is asked of the network.
// In FOLDER it leaves what it saw: a picture of each, and the page as it prints.  CHROMIUM names the browser's program.
// The tests do not need it: tests/test_report_writers.py holds what can be seen without a browser.
const fs = require("fs");
const path = require("path");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const puppeteer = require("puppeteer-core");

const looks = [["light", 1280, "light"], ["dark", 1000, "dark"], ["phone", 390, "light"], ["phone-dark", 390, "dark"]];

async function look(browser, file, folder, [name, width, scheme]) {
  const page = await browser.newPage();
  const problems = [];
  page.on("request", (asked) => { if (!/^(file|data):/.test(asked.url())) problems.push(`asks for ${asked.url()}`); });
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(`file://${path.resolve(file)}`);
  if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
  if (folder && name === "light") await page.pdf({ path: path.join(folder, "print.pdf"), format: "A4", printBackground: true });
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wider > 0) problems.push(`is ${wider} pixels wider than its window`);
  const found = await page.evaluate(async (source) => {
    (0, eval)(source);
    document.querySelectorAll("details").forEach((details) => { details.open = true; });
    return (await axe.run(document)).violations.map((one) => `${one.id}: ${one.help} (${one.nodes.length}): ${one.nodes[0].html.slice(0, 160)}`);
  }, axe);
  await page.close();
  for (const problem of problems.concat(found)) console.log(`${name}: ${problem}`);
  return problems.length + found.length;
}

(async () => {
  const [file, folder] = process.argv.slice(2);
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"] });
  let count = 0;
  for (const one of looks) count += await look(browser, file, folder, one);
  await browser.close();
  console.log(count ? `${count} found` : "nothing found");
  process.exit(count ? 1 : 0);
})();
