// The chat: posts what is said, and shows the events of docs/chat.md as they come. What it is told
// becomes text nodes, never HTML.
"use strict";

const chat = document.getElementById("chat");
const said = document.getElementById("said");
const typing = document.getElementById("typing");
const chips = document.getElementById("chips");
const form = document.getElementById("say");
const text = document.getElementById("text");
const secret = document.getElementById("secret");
const KEPT = `said ${chat.dataset.user} ${chat.dataset.path}`;
const MAX_KEPT = 100;
const replies = new Map(); // by id: the element of each
const mine = new Map(JSON.parse(sessionStorage.getItem(KEPT) || "[]")); // by id: what I said
for (const key of Object.keys(sessionStorage)) if (key.startsWith("said ") && !key.includes(chat.dataset.user)) sessionStorage.removeItem(key);
let question = ""; // that the secret answers

// Markdown, as far as replies use it: emphasis, code, quotes, links, and escapes.
const MARKS = /\\([^\w\s]|_)|```(?:[\w+#.-]*\n)?([^]*?)```|`([^`\n]+)`|\*\*([^*\n]+)\*\*|(https?:\/\/[^\s<>*`|]+)/g;

function marked(words) {
  const made = document.createDocumentFragment();
  let at = 0;
  for (const found of words.matchAll(MARKS)) {
    made.append(words.slice(at, found.index));
    at = found.index + found[0].length;
    const [whole, escaped, block, code, bold, link] = found;
    if (escaped !== undefined) made.append(escaped);
    else if (block !== undefined) made.append(element("pre", block));
    else if (code !== undefined) made.append(element("code", code));
    else if (bold !== undefined) made.append(element("b", bold.replace(/\\([^\w\s]|_)/g, "$1")));
    else {
      const anchor = element("a", link);
      anchor.href = link;
      anchor.rel = "noopener noreferrer";
      anchor.target = "_blank";
      made.append(anchor);
    }
  }
  made.append(words.slice(at));
  return made;
}

function element(name, content = "", kind = "") {
  const made = document.createElement(name);
  made.append(content);
  if (kind) made.className = kind;
  return made;
}

function show(node, before = null) {
  const atEnd = said.scrollHeight - said.scrollTop - said.clientHeight < 80;
  said.insertBefore(node, before);
  if (atEnd) said.scrollTop = said.scrollHeight;
}

function bubble(kind, who) {
  const made = element("div", "", `bubble ${kind}`);
  made.append(element("span", `${who}: `, "unseen"), element("div", "", "words"));
  return made;
}

function showMine(id, words, before = null) {
  if (document.getElementById(`mine-${id}`)) return;
  const made = bubble("mine", "You");
  made.id = `mine-${id}`;
  made.lastChild.append(words);
  show(made, before);
}

function reply(event) {
  let made = replies.get(event.id);
  if (!made) {
    made = bubble(event.message ? "theirs" : "theirs delivery", event.message ? "Bot" : "Bot, by itself");
    made.dataset.message = event.message || "";
    replies.set(event.id, made);
    if (event.message && mine.has(event.message)) showMine(event.message, mine.get(event.message));
    show(made);
  }
  const atEnd = said.scrollHeight - said.scrollTop - said.clientHeight < 80;
  made.setAttribute("aria-busy", String(event.complete === false));
  made.querySelector(".words").replaceChildren(marked(event.text));
  made.querySelector(".actions")?.remove();
  if (event.complete === false) return;
  offer(made, event);
  if (event.message) hide(event.secret ? event.question : "");
  if (atEnd) said.scrollTop = said.scrollHeight;
}

function offer(made, event) {
  chips.hidden = true;
  if (event.message) end(offered());
  if (!event.buttons?.length) return;
  const row = element("div", "", "actions");
  for (const button of event.buttons) {
    const shown = element("button", button.label, button.style === "go" ? "" : button.style);
    shown.type = "button";
    shown.addEventListener("click", () => post(button.send, button.label));
    row.append(shown);
  }
  made.append(row);
}

// The buttons of what was answered meanwhile go; those of reminders stay good.
function offered() {
  return said.querySelectorAll(".bubble:not(.delivery) .actions");
}

function end(rows) {
  for (const row of rows) row.remove();
}

// Asks for the answer to a question where nobody can read it, or no longer.
function hide(asked) {
  const wasHidden = !secret.hidden;
  question = asked || "";
  secret.hidden = !question;
  text.hidden = !secret.hidden;
  if (wasHidden !== Boolean(question)) (question ? secret : text).focus();
}

async function post(message, shown) {
  typing.textContent = "";
  const before = offered(); // the reply may be here before it is said that the message was taken
  let answer;
  try {
    answer = await fetch(`${chat.dataset.path}/messages`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": form.elements.csrf.value },
      body: JSON.stringify(message),
    });
  } catch {
    return failed("The message was not sent: there is no connection. Please try again.");
  }
  const posted = await answer.json().catch(() => null);
  if (answer.redirected || !answer.ok || !posted) {
    return failed(posted?.error || "You are no longer signed in, or the service is away. Please load the page again.");
  }
  end(before);
  if (!message.secret) {
    mine.set(posted.id, shown);
    sessionStorage.setItem(KEPT, JSON.stringify([...mine].slice(-MAX_KEPT)));
  }
  const first = [...replies.values()].find((one) => one.dataset.message === posted.id);
  showMine(posted.id, message.secret ? "••••••" : shown, first || null);
  return true;
}

function failed(words) {
  typing.textContent = words;
  return false;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = question ? secret : text;
  const words = field.value;
  if (!words.trim()) return;
  field.value = "";
  const message = question ? { text: words, answers: question, secret: true } : { text: words };
  if (!(await post(message, words))) field.value = words;
  field.focus();
});

text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

chips.addEventListener("click", (event) => {
  if (event.target.dataset.say) post({ text: event.target.dataset.say, starts_new: true }, event.target.dataset.say);
});

let last = 0; // the number of the last event
let events = null; // the stream, while the page is looked at: browsers open few connections at once

function follow() {
  if (events || document.hidden) return;
  events = new EventSource(`${chat.dataset.path}/events?after=${last}`);
  const on = (kind, act) =>
    events.addEventListener(kind, (event) => {
      last = Number(event.lastEventId);
      act(JSON.parse(event.data));
    });
  on("typing", (event) => {
    if (mine.has(event.message)) showMine(event.message, mine.get(event.message));
    typing.textContent = "The bot is answering …";
  });
  on("reply", reply);
  on("delivery", reply);
  on("done", () => { typing.textContent = ""; });
  events.onopen = () => { if (typing.textContent.startsWith("The connection")) typing.textContent = ""; };
  events.onerror = () => {
    if (events?.readyState !== EventSource.CLOSED) return; // it connects again by itself
    leave();
    typing.textContent = "The connection is lost. Trying again; if this stays, load the page again.";
    setTimeout(follow, 5000);
  };
}

function leave() {
  events?.close();
  events = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? leave() : follow()));
follow();
