/**
 * The voting page's script: reads a coin, gathers a choice, casts the vote, follows the tally.
 *
 * The coin stays in memory: never in the address, never in storage. Text from outside enters the page through textContent alone.
 * Nothing here decides whether a coin is good; the gate and the ledger do. Reading coin.txt here only tells a slip of the hand early.
 */

/** @typedef {{text: string, campaign: string, serial: string, expires: string, token: string}} Coin */
/** @typedef {{id: string, name: string, about: string}} Charity */
/** @typedef {{charity: Charity, chosen: HTMLInputElement, weight: HTMLInputElement, share: HTMLElement}} Choice */
/** @typedef {{currency: string, minor_units: number}} Money */

/** How long a call may take, in milliseconds; longer than the longest wait that is asked of the API. */
const CALL_TIMEOUT_MS = 20_000;

/** How long to wait before a stream that the browser gave up is opened again, in milliseconds. */
const STREAM_RETRY_MS = 3_000;

/** No coin.txt is nearly as long, in bytes. Looked at before the file is read. */
const COIN_TXT_BYTES_MAX = 4096;

/** Where the key that makes taking a coin repeatable is kept. It is not the coin. */
const IDEMPOTENCY_KEY_NAME = "hashicoin-idempotency-key";

const LANGUAGE = document.documentElement.lang;

/** What the page knows. */
const state = {
  /** @type {Coin | null} */ coin: null,
  /** @type {Choice[]} */ choices: [],
  /** @type {string | null} */ campaign: null,
  busy: false,
};

// ---- coin.txt --------------------------------------------------------------------------------------------------------------------------

/** The drawing above the fields; part of the format, byte for byte. */
const ART = String.raw`
              _.-=======-._
          .-=' _         _ '=-.
        .'  .-' |       | '-.  '.
       /   /    |_______|    \   \
      |   |     |_______|     |   |
      |   |     |       |     |   |
      |   |     |       |     |   |
       \   \    |       |    /   /
        '.  '-._|       |_.-'  .'
          '-=._   1 VOTE   _.=-'
               '-========-'
            H A S H I C O I N

`;

/** The signed lines in their order: the name of each, and its one spelling. */
const LINES = [
  { name: "hashicoin/coin/v1", spelling: /^hashicoin\/coin\/v1$/ },
  { name: "campaign: …", spelling: /^campaign: ([a-z0-9-]{1,32})$/ },
  { name: "serial: …", spelling: /^serial: ([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/ },
  { name: "expires: …", spelling: /^expires: (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/ },
];

/** Vault's form of a signature: key version, then 64 bytes in base64, whose last character has four bits that must be zero. */
const SIGNATURE = /^vault:v([1-9][0-9]{0,9}):([A-Za-z0-9+/]{85}[AQgw])==$/;

/** Says what keeps a text from being a coin. */
class NotACoin extends Error {}

/**
 * Reads coin.txt and makes the token that travels. There is one spelling, and nothing is repaired.
 * @param {string} text the whole file
 * @returns {Coin}
 * @throws {NotACoin} with what is wrong and what to do
 */
function readCoinTxt(text) {
  if (text.includes("\r")) {
    throw new NotACoin("Its lines end in CR LF. Save it with LF line ends, as it was minted.");
  }
  if (!text.startsWith(ART)) {
    throw new NotACoin(drawingMistake(text));
  }
  if (!text.endsWith("\n")) {
    throw new NotACoin("The line end after the last line is missing. Use the whole file, exactly as it was minted.");
  }
  const lines = text.slice(ART.length, -1).split("\n");
  const signature = SIGNATURE.exec(lines.pop() ?? "");
  if (!signature || Number(signature[1]) > 0xffff_ffff) {
    throw new NotACoin("The last line is not a signature (vault:v…). Use the whole file, to its last line end.");
  }
  const [, campaign, serial, expires] = LINES.map(({ name, spelling }, at) => {
    const match = spelling.exec(lines[at] ?? "");
    if (!match) {
      throw new NotACoin(`The line “${name}” is missing or not as a mint writes it. Use the file exactly as it was minted.`);
    }
    return match[1];
  });
  if (lines.length !== LINES.length) {
    throw new NotACoin("There are lines that no coin has between the fields and the signature. Use the file exactly as it was minted.");
  }
  if (!isRealTime(expires)) {
    throw new NotACoin("It expires on a date that does not exist. Use the file exactly as it was minted.");
  }
  const payload = `${lines.join("\n")}\n`;
  const token = `${base64Url(btoa(payload))}.${signature[1]}.${base64Url(signature[2])}`;
  return { text, campaign, serial, expires, token };
}

/**
 * Why a text does not begin with the drawing.
 * @param {string} text
 */
function drawingMistake(text) {
  if (`\n${text}`.startsWith(ART)) {
    return "The empty line above the drawing is missing. Copy the whole file, from its first line to its last.";
  }
  if (text.includes("vault:v")) {
    return "The drawing of the coin is missing or changed. Use the whole file, exactly as it was minted.";
  }
  return "It does not begin with a coin’s drawing. Use a coin.txt file, whole.";
}

/**
 * Whether a time in its one spelling exists and is within the years that a coin can name.
 * @param {string} text `YYYY-MM-DDTHH:MM:SSZ`
 */
function isRealTime(text) {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.getTime() >= 0 && time.toISOString() === text.replace("Z", ".000Z");
}

/**
 * The URL-safe alphabet of the same bits, without padding.
 * @param {string} base64 in the standard alphabet
 */
function base64Url(base64) {
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// ---- calls -----------------------------------------------------------------------------------------------------------------------------

/** An answer that is not the one asked for: a problem document (RFC 9457), or none at all. */
class Problem extends Error {
  /**
   * @param {string} title
   * @param {string} detail
   * @param {{id: string, index: number, counted_at: string, receipt?: string, receipt_location: string}=} first the vote that a spent coin was spent on
   */
  constructor(title, detail, first) {
    super(title);
    this.detail = detail;
    this.first = first;
  }
}

/**
 * Calls the API.
 * @param {string} path
 * @param {RequestInit=} options
 * @returns {Promise<any>} the JSON of a good answer
 * @throws {Problem}
 */
async function call(path, options) {
  let response;
  let body;
  try {
    response = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
    body = await response.text();
  } catch {
    throw new Problem("No answer", "The service cannot be reached. Try again in a moment; no coin is ever counted twice.");
  }
  if (!response.ok) {
    throw readProblem(response.status, body);
  }
  return JSON.parse(body);
}

/**
 * @param {number} status
 * @param {string} body
 */
function readProblem(status, body) {
  try {
    const { title, detail, first } = JSON.parse(body);
    if (typeof title === "string" && typeof detail === "string") {
      return new Problem(title, detail, first);
    }
  } catch {
    // Not JSON: something between the page and the API answered.
  }
  return new Problem(`The service answered ${status}`, "It gave no reason. Try again in a moment; no coin is ever counted twice.");
}

/** The key under which this tab takes its coin: after a reload, the same key and so the same coin. */
function idempotencyKey() {
  const kept = sessionStorage.getItem(IDEMPOTENCY_KEY_NAME);
  if (kept) {
    return kept;
  }
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const key = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem(IDEMPOTENCY_KEY_NAME, key);
  return key;
}

// ---- small helpers of the page ---------------------------------------------------------------------------------------------------------

/**
 * An element of the page.
 * @param {string} id
 * @returns {any} any kind of element; index.html says which
 */
function byId(id) {
  const element = document.getElementById(id);
  if (!element) {
    throw new Error(`index.html has no #${id}`);
  }
  return element;
}

/**
 * A new element with text in it.
 * @param {string} tag
 * @param {string} text
 * @param {string=} className
 */
function textElement(tag, text, className) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) {
    element.className = className;
  }
  return element;
}

/**
 * A copy of a template's one element.
 * @param {string} id
 * @returns {any}
 */
function fromTemplate(id) {
  return byId(id).content.firstElementChild.cloneNode(true);
}

/**
 * Puts a message into one of the page's message regions, which screen readers announce; without a title, empties it.
 * @param {HTMLElement} region
 * @param {"good" | "bad" | "note" | "none"} kind
 * @param {string=} title
 * @param {...(Node | string)} rest what follows the title
 */
function say(region, kind, title, ...rest) {
  region.dataset.kind = kind;
  const paragraphs = rest.map((part) => (typeof part === "string" ? textElement("p", part) : part));
  region.replaceChildren(...(title ? [textElement("h3", title), ...paragraphs] : []));
}

/**
 * Says an error in a region.
 * @param {HTMLElement} region
 * @param {unknown} error
 */
function sayError(region, error) {
  if (error instanceof Problem) {
    say(region, "bad", error.message, error.detail, ...(error.first ? [firstVote(error.first)] : []));
  } else {
    say(region, "bad", "Something went wrong in this page", String(error));
  }
}

/** @param {number} ratio 0 to 1 */
function percentText(ratio) {
  return new Intl.NumberFormat(LANGUAGE, { style: "percent", minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(ratio);
}

/** @param {number} count */
function countText(count) {
  return new Intl.NumberFormat(LANGUAGE).format(count);
}

/** @param {Money} money */
function moneyText({ currency, minor_units }) {
  const format = new Intl.NumberFormat(LANGUAGE, { style: "currency", currency, trailingZeroDisplay: "stripIfInteger" });
  return format.format(minor_units / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** @param {string} time RFC 3339 */
function timeText(time) {
  const format = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "long", timeStyle: "short", hourCycle: "h23", timeZone: "UTC" });
  return `${format.format(new Date(time))} UTC`;
}

// ---- step 1: the coin ------------------------------------------------------------------------------------------------------------------

/**
 * Takes a text as the coin, or says why it is none.
 * @param {string} text
 */
function offerCoin(text) {
  try {
    holdCoin(readCoinTxt(text));
  } catch (error) {
    if (!(error instanceof NotACoin)) {
      throw error;
    }
    say(byId("coin-message"), "bad", "This is not a coin", error.message);
  }
}

/** @param {Coin} coin */
function holdCoin(coin) {
  state.coin = coin;
  byId("coin-campaign").textContent = coin.campaign;
  byId("coin-serial").textContent = coin.serial;
  byId("coin-expires").textContent = timeText(coin.expires);
  byId("coin-expires").dateTime = coin.expires;
  byId("paste").value = "";
  byId("coin-wanted").hidden = true;
  byId("coin-held").hidden = false;
  say(byId("result"), "none");
  sayCoinHeld(coin);
  // What had the focus is hidden now; go on with what took its place.
  byId("coin-held").focus();
}

/** @param {Coin} coin */
function sayCoinHeld(coin) {
  const region = byId("coin-message");
  if (new Date(coin.expires).getTime() <= Date.now()) {
    say(region, "note", "This coin has expired", "By this device’s clock, its time is over. It will be refused.");
  } else if (state.campaign !== null && coin.campaign !== state.campaign) {
    say(region, "note", "This coin is for another campaign", `It votes in ${coin.campaign}; here is ${state.campaign}. It will be refused.`);
  } else {
    say(region, "good", "Your coin is ready", "Its signature is checked when you vote.");
  }
}

/** Forgets the coin. */
function dropCoin() {
  state.coin = null;
  byId("coin-held").hidden = true;
  byId("coin-wanted").hidden = false;
  say(byId("coin-message"), "none");
  say(byId("result"), "none");
  byId("take-coin").focus();
}

/** Asks the API for a coin. */
async function takeCoin() {
  const region = byId("coin-message");
  say(region, "note", "Taking a coin…");
  try {
    const answer = await call("/v1/coins", { method: "POST", headers: { "Idempotency-Key": idempotencyKey() } });
    offerCoin(answer.coin_txt);
  } catch (error) {
    sayError(region, error);
  }
}

/**
 * Reads the one file that was chosen or dropped.
 * @param {FileList} files
 */
async function readFile(files) {
  const [file, second] = files;
  const region = byId("coin-message");
  if (!file) {
    return;
  }
  if (second) {
    say(region, "bad", "More than one file", "A vote takes one coin. Bring one coin.txt.");
    return;
  }
  if (file.size > COIN_TXT_BYTES_MAX) {
    say(region, "bad", "This is not a coin", "The file is far too long for a coin.txt.");
    return;
  }
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
  } catch {
    say(region, "bad", "This is not a coin", "The file cannot be read as text.");
    return;
  }
  offerCoin(text);
}

/**
 * Takes what is in the text field. A paste is judged at once; typing, when the field is left.
 * @param {any} event an `input` or a `change`
 */
function readPaste(event) {
  const text = byId("paste").value;
  if (state.coin !== null) {
    return;
  }
  if (text === "") {
    say(byId("coin-message"), "none");
  } else if (event.type === "change" || event.inputType === "insertFromPaste") {
    offerCoin(text);
  }
}

/** Offers the coin for keeping, as the file that it is. */
function saveCoin() {
  if (state.coin !== null) {
    save("coin.txt", state.coin.text);
  }
}

/**
 * Saves a text as a file.
 * @param {string} name
 * @param {string} text
 */
function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/**
 * Files may be dropped anywhere: a file that misses a small target would replace the page.
 * @param {DragEvent} event
 */
function onDrag(event) {
  if (!event.dataTransfer?.types.includes("Files")) {
    return;
  }
  event.preventDefault();
  document.body.classList.toggle("dragging", event.type === "dragover");
  if (event.type === "drop") {
    readFile(event.dataTransfer.files);
  }
}

// ---- step 2: the choice ----------------------------------------------------------------------------------------------------------------

/** Asks the API for the campaign and shows its charities. */
async function loadCharities() {
  byId("charities-again").hidden = true;
  try {
    const { campaign, donation, charities } = await call("/v1/charities");
    state.campaign = campaign;
    state.choices = charities.map(makeChoice);
    byId("campaign-pot").textContent = moneyText(donation);
    byId("campaign-name").textContent = campaign;
    byId("campaign").hidden = false;
    say(byId("charities-message"), "none");
    if (state.coin !== null) {
      sayCoinHeld(state.coin);
    }
  } catch (error) {
    byId("charities-again").hidden = false;
    sayError(byId("charities-message"), error);
  }
  showPreview();
}

/**
 * Shows one charity to choose.
 * @param {Charity} charity
 * @returns {Choice}
 */
function makeChoice(charity) {
  const row = fromTemplate("charity-template");
  const [chosen, weight] = row.querySelectorAll("input");
  const about = row.querySelector(".about");
  chosen.id = `choose-${charity.id}`;
  weight.id = `weight-${charity.id}`;
  about.id = `about-${charity.id}`;
  about.textContent = charity.about;
  chosen.setAttribute("aria-describedby", about.id);
  row.querySelector(".name").textContent = charity.name;
  row.querySelector(".only-read").textContent = ` of ${charity.name}`;
  const choice = { charity, chosen, weight, share: row.querySelector(".share") };
  chosen.addEventListener("change", showPreview);
  weight.addEventListener("input", showPreview);
  byId("charities").append(row);
  return choice;
}

/**
 * Chooses all charities with equal weights, or none.
 * @param {boolean} all
 */
function chooseAll(all) {
  for (const { chosen, weight } of state.choices) {
    chosen.checked = all;
    weight.value = "1";
  }
  showPreview();
}

/** The chosen charities. */
function chosenOnes() {
  return state.choices.filter(({ chosen }) => chosen.checked);
}

/** The first chosen charity whose weight is not a whole number that counts. */
function badWeight() {
  return chosenOnes().find(({ weight }) => !weight.validity.valid);
}

/** Shows what each charity would get of this coin. */
function showPreview() {
  for (const { chosen, weight, share } of state.choices) {
    weight.disabled = !chosen.checked;
    share.textContent = "";
  }
  const bad = badWeight();
  if (bad) {
    byId("preview").textContent = `The weight of ${bad.charity.name} must be a whole number from 1 to ${countText(Number(bad.weight.max))}.`;
    return;
  }
  const chosen = chosenOnes();
  const sum = chosen.reduce((total, { weight }) => total + weight.valueAsNumber, 0);
  const parts = chosen.map(({ charity, weight, share }) => {
    share.textContent = percentText(weight.valueAsNumber / sum);
    return `${charity.name} ${share.textContent}`;
  });
  byId("preview").textContent = parts.length
    ? `Your coin gives ${new Intl.ListFormat(LANGUAGE).format(parts)}.`
    : "Choose at least one charity.";
}

// ---- step 3: the vote ------------------------------------------------------------------------------------------------------------------

/** Casts the vote, once everything is there. */
async function castVote() {
  if (state.busy) {
    return;
  }
  const missing = whatIsMissing();
  if (missing) {
    say(byId("result"), "note", missing.text);
    missing.control.focus();
    return;
  }
  setBusy(true);
  say(byId("coin-message"), "none");
  say(byId("result"), "note", "Voting…");
  try {
    showCounted(await sendVote());
  } catch (error) {
    sayError(byId("result"), error);
  }
  setBusy(false);
}

/**
 * What keeps the vote from being cast, and where to put it right.
 * @returns {{text: string, control: HTMLElement} | null}
 */
function whatIsMissing() {
  if (state.coin === null) {
    return { text: "A vote needs a coin: bring one in step 1.", control: byId("take-coin") };
  }
  if (chosenOnes().length === 0) {
    return { text: "Choose at least one charity in step 2.", control: byId("choose-all") };
  }
  const bad = badWeight();
  return bad ? { text: byId("preview").textContent, control: bad.weight } : null;
}

/** Sends the coin and the weights. Sent twice, the same vote gets the same answer. */
function sendVote() {
  const weights = Object.fromEntries(chosenOnes().map(({ charity, weight }) => [charity.id, weight.valueAsNumber]));
  return call("/v1/votes", {
    method: "POST",
    headers: { Authorization: `Coin ${state.coin?.token}`, "Content-Type": "application/json", Prefer: "wait=10" },
    body: JSON.stringify({ weights }),
  });
}

/**
 * Keeps a second press from sending while the first is on its way. The button stays focusable: a disabled one would lose the focus.
 * @param {boolean} busy
 */
function setBusy(busy) {
  state.busy = busy;
  byId("vote").setAttribute("aria-disabled", String(busy));
}

/** @param {{id: string, index: number, units: Record<string, number>, counted_at: string, receipt?: string, receipt_location: string}} vote */
function showCounted(vote) {
  const units = state.choices
    .filter(({ charity }) => vote.units[charity.id] > 0)
    .map(({ charity }) => `${charity.name}: ${countText(vote.units[charity.id])}`);
  const facts = document.createElement("dl");
  facts.append(
    fact("Vote", voteLink(vote.id)),
    fact("Index in the ledger", countText(vote.index)),
    fact("Units", units.join(", ")),
    fact("Counted", timeText(vote.counted_at)),
    fact("Receipt", receiptOf(vote)),
  );
  say(byId("result"), "good", "Your vote is counted", facts, "The receipt proves it without this site. It also shows how you voted: keep it to yourself.");
}

/**
 * What gives a vote's receipt: a button once it is here, until then where it will be.
 * @param {{receipt?: string, receipt_location: string}} vote
 */
function receiptOf({ receipt, receipt_location }) {
  if (receipt === undefined) {
    const link = /** @type {HTMLAnchorElement} */ (textElement("a", "in a moment, here"));
    link.href = receipt_location;
    return link;
  }
  const button = /** @type {HTMLButtonElement} */ (textElement("button", "Save receipt.txt"));
  button.type = "button";
  button.addEventListener("click", () => save("receipt.txt", receipt));
  return button;
}

/** @param {{id: string, index: number, counted_at: string, receipt?: string, receipt_location: string}} first */
function firstVote(first) {
  const facts = document.createElement("dl");
  facts.append(
    fact("First vote", voteLink(first.id)),
    fact("Index in the ledger", countText(first.index)),
    fact("Counted", timeText(first.counted_at)),
    fact("Proof", receiptOf(first)),
  );
  return facts;
}

/**
 * One row of a description list.
 * @param {string} term
 * @param {Node | string} description
 */
function fact(term, description) {
  const row = document.createElement("div");
  const dd = document.createElement("dd");
  dd.append(description);
  row.append(textElement("dt", term), dd);
  return row;
}

/** @param {string} id */
function voteLink(id) {
  const link = /** @type {HTMLAnchorElement} */ (textElement("a", id, "code"));
  link.href = `/v1/votes/${encodeURIComponent(id)}`;
  return link;
}

// ---- the tally -------------------------------------------------------------------------------------------------------------------------

/** The row of each charity in the tally. @type {Map<string, any>} */
const tallyRows = new Map();

/** Follows the tally. The browser reconnects by itself after a lost connection, but not after an answer that is no stream. */
function followTally() {
  const stream = new EventSource("/v1/tally/stream");
  stream.addEventListener("open", () => showStreamState("live", "Live"));
  stream.addEventListener("tally", (event) => showTally(JSON.parse(event.data)));
  stream.addEventListener("error", () => {
    showStreamState("lost", "Reconnecting…");
    if (stream.readyState === EventSource.CLOSED) {
      setTimeout(followTally, STREAM_RETRY_MS);
    }
  });
}

/**
 * @param {string} name
 * @param {string} text
 */
function showStreamState(name, text) {
  const element = byId("tally-state");
  element.dataset.state = name;
  element.textContent = text;
}

/** @param {{votes: number, donation: Money, charities: {id: string, name: string, percent: string, donation_minor_units: number}[]}} tally */
function showTally({ votes, donation, charities }) {
  byId("tally-votes").textContent = votes === 1 ? "1 vote" : `${countText(votes)} votes`;
  for (const { id, name, percent, donation_minor_units } of charities) {
    const row = tallyRow(id);
    const meter = row.querySelector("meter");
    row.querySelector(".name").textContent = name;
    row.querySelector(".percent").textContent = percentText(Number(percent) / 100);
    row.querySelector(".money").textContent = moneyText({ currency: donation.currency, minor_units: donation_minor_units });
    meter.value = Number(percent);
    meter.setAttribute("aria-label", `Share of ${name}`);
  }
}

/**
 * The row of a charity; made when the charity is first heard of, so that bars move rather than appear anew.
 * @param {string} id
 */
function tallyRow(id) {
  if (!tallyRows.has(id)) {
    const row = fromTemplate("tally-template");
    row.id = `tally-${id}`;
    byId("tally-rows").append(row);
    tallyRows.set(id, row);
  }
  return tallyRows.get(id);
}

// ---- start -----------------------------------------------------------------------------------------------------------------------------

byId("take-coin").addEventListener("click", takeCoin);
byId("choose-file").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", async () => {
  await readFile(byId("file").files);
  // The same file may be chosen again after it was put right.
  byId("file").value = "";
});
byId("paste").addEventListener("input", readPaste);
byId("paste").addEventListener("change", readPaste);
byId("save-coin").addEventListener("click", saveCoin);
byId("drop-coin").addEventListener("click", dropCoin);
for (const type of /** @type {const} */ (["dragover", "dragleave", "drop"])) {
  document.addEventListener(type, onDrag);
}
byId("choose-all").addEventListener("click", () => chooseAll(true));
byId("choose-none").addEventListener("click", () => chooseAll(false));
byId("charities-again").addEventListener("click", loadCharities);
byId("vote").addEventListener("click", castVote);
loadCharities();
followTally();
