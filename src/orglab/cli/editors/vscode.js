// extension.js; in a folder of its own, with this package.json, run:
//     npm install
//     npx --yes @vscode/vsce package --allow-missing-repository --skip-license -o orglab.vsix
//     code --install-extension orglab.vsix
// {
//   "name": "orglab", "version": "0.1.0", "publisher": "local", "main": "./extension.js",
//   "engines": { "vscode": "^1.82.0" }, "activationEvents": ["onStartupFinished"],
//   "dependencies": { "vscode-languageclient": "^9.0.1" },
//   "contributes": { "languages": [{ "id": "org", "extensions": [".org", ".org_archive"] }] }
// }
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = () => {
  const server = { command: "orglab", args: ["lsp"] };
  client = new LanguageClient("orglab", "orglab", server, { documentSelector: [{ scheme: "file" }] });
  return client.start();
};

exports.deactivate = () => client && client.stop();
