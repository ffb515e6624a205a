// Check the accessibility of an HTML report: run axe in headless Chromium, in light and dark mode, wide and on a phone.
//
//     npm install --prefix /tmp/axe axe-core puppeteer-core
//     NODE_PATH=/tmp/axe/node_modules node scripts/check_accessibility.js report.html [FOLDER]
//
// The exit code is 1 if axe reports violations, the page is wider than its window, or it accesses the network.
// In FOLDER it saves screenshots of each and the printed page. CHROMIUM is the path of the browser.
// The tests do not need this script: tests/report/formats/test_formats.py checks what needs no browser.
const fs = require("fs");
const path = require("path");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const puppeteer = require("puppeteer-core");

const looks = [["light", 1280, "light"], ["dark", 1000, "dark"], ["phone", 390, "light"], ["phone-dark", 390, "dark"]];

async function look(browser, file, folder, [name, width, scheme]) {
  const page = await browser.newPage();
  const problems = [];
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) problems.push(`requests ${request.url()}`);
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(`file://${path.resolve(file)}`);
  if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
  if (folder && name === "light") await page.pdf({ path: path.join(folder, "print.pdf"), format: "A4", printBackground: true });
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wider > 0) problems.push(`the page is ${wider} pixels wider than its window`);
  const violations = await page.evaluate(async (source) => {
    (0, eval)(source);
    document.querySelectorAll("details").forEach((details) => { details.open = true; });
    return (await axe.run(document)).violations.map((violation) =>
      `${violation.id}: ${violation.help} (${violation.nodes.length}): ${violation.nodes[0].html.slice(0, 160)}`);
  }, axe);
  await page.close();
  for (const problem of problems.concat(violations)) console.log(`${name}: ${problem}`);
  return problems.length + violations.length;
}

(async () => {
  const [file, folder] = process.argv.slice(2);
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"] });
  let count = 0;
  for (const one of looks) count += await look(browser, file, folder, one);
  await browser.close();
  console.log(count ? `${count} problems found` : "No problems found");
  process.exit(count ? 1 : 0);
})();
