//! A real Chromium without a window, driven through chromedriver (the WebDriver protocol: JSON over HTTP).
//!
//! Each [`Browser`] has a driver process and a profile of its own, and takes both away when it goes. Every call panics with the driver's own words when
//! it does not succeed. Waiting is for a condition, with a deadline and a report of what was last seen.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::artifacts;
use crate::harness::http;
use crate::harness::process::Process;
use crate::harness::wait::{SOON, wait_for};

/// What a started chromedriver says, before its port.
const STARTED: &str = "was started successfully on port ";

/// The keyboard, in WebDriver's private code points.
pub mod key {
    /// The tabulator.
    pub const TAB: &str = "\u{e004}";
    /// The enter key.
    pub const ENTER: &str = "\u{e007}";
    /// The control key, which stays down for the keys after it.
    pub const CONTROL: &str = "\u{e009}";
    /// The space bar.
    pub const SPACE: &str = " ";
}

/// One Chromium with one page.
pub struct Browser {
    /// First, and so dropped first: the profile goes when nobody uses it any more.
    _driver: Process,
    profile: TempDir,
    address: SocketAddr,
    /// `/session/<id>`
    session: String,
}

impl Browser {
    /// Starts a browser and opens a page in it.
    pub fn open(url: &str) -> Browser {
        let mut driver = Process::start("chromedriver", Command::new(artifacts::chromedriver()).arg("--port=0"));
        let port: u16 = wait_for("chromedriver's port", || {
            driver.still_runs();
            let says = driver.stdout();
            let port = says.split_once(STARTED).and_then(|(_, rest)| rest.split_once(".\n"));
            port.and_then(|(port, _)| port.parse().ok()).ok_or(says)
        });
        let mut browser = Browser {
            _driver: driver,
            profile: TempDir::new().unwrap(),
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            session: String::new(),
        };
        browser.start_session();
        browser.post("/url", &json!({ "url": url }));
        browser
    }

    fn start_session(&mut self) {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let arguments = [
            "--headless",
            // Chromium refuses its sandbox to root and in most containers; the only page it sees is ours.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1200,1000",
            &profile,
        ];
        let answer = self.post(
            "/session",
            &json!({ "capabilities": { "alwaysMatch": {
                "browserName": "chrome",
                "goog:loggingPrefs": { "browser": "ALL" },
                "goog:chromeOptions": { "binary": artifacts::chromium(), "args": arguments },
            } } }),
        );
        self.session = format!(
            "/session/{}",
            answer["sessionId"].as_str().expect("a session has an id")
        );
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        self.call("POST", command, &body.to_string())
    }

    fn get(&self, command: &str) -> Value {
        self.call("GET", command, "")
    }

    /// Calls the driver and gives the value of its answer. The driver answers to the name of this machine only.
    fn call(&self, method: &str, command: &str, body: &str) -> Value {
        let head = format!(
            "{method} {}{command} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.session,
            self.address,
            body.len()
        );
        let answer = http::exchange(self.address, &[head.as_bytes(), body.as_bytes()].concat());
        let mut value = answer.json();
        assert_eq!(
            answer.status, 200,
            "chromedriver refuses {method} {command} {body}: {}",
            value["value"]["message"]
        );
        value["value"].take()
    }

    /// Loads the page anew.
    pub fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    /// Runs the body of a function in the page and gives what it returns; a promise is waited for.
    pub fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Sends a command of the DevTools protocol.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Presses keys one after the other, wherever the focus is.
    pub fn press(&self, keys: &[&str]) {
        let down = keys.iter().map(|key| json!({ "type": "keyDown", "value": key }));
        let up = keys.iter().rev().map(|key| json!({ "type": "keyUp", "value": key }));
        let actions: Vec<Value> = down.chain(up).collect();
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }),
        );
    }

    /// Writes a text, key by key, wherever the focus is.
    pub fn write(&self, text: &str) {
        for character in text.chars() {
            self.press(&[&character.to_string()]);
        }
    }

    /// Tabs forward until the element with this id has the focus, and asserts that a person can see each stop.
    pub fn tab_to(&self, id: &str) {
        let mut stops = Vec::new();
        for _ in 0..60 {
            self.press(&[key::TAB]);
            let stop = self.run(
                "const style = getComputedStyle(document.activeElement);
                 return [document.activeElement.id, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];",
                &[],
            );
            assert!(
                stop[1] == json!(true) || stop[0] == json!(""),
                "the focus cannot be seen on {stop}"
            );
            if stop[0] == json!(id) {
                return;
            }
            stops.push(stop);
        }
        panic!("the keyboard does not reach #{id}; it stops at {stops:?}");
    }

    /// Clicks the element with this id, as the mouse does.
    pub fn click(&self, id: &str) {
        let element = self.element(&format!("#{id}"));
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Chooses a file in the file chooser with this id.
    pub fn choose_file(&self, id: &str, file: &Path) {
        let element = self.element(&format!("#{id}"));
        self.post(
            &format!("/element/{element}/value"),
            &json!({ "text": file.to_str().expect("a path in UTF-8") }),
        );
    }

    /// Drags files from outside onto the page and lets them go.
    pub fn drop_files(&self, files: &[&Path]) {
        for step in ["dragEnter", "dragOver", "drop"] {
            let data = json!({ "items": [], "files": files, "dragOperationsMask": 1 });
            self.devtools(
                "Input.dispatchDragEvent",
                &json!({ "type": step, "x": 300, "y": 300, "data": data }),
            );
        }
    }

    /// Lets the page save files, into this directory.
    pub fn save_downloads_in(&self, directory: &Path) {
        self.devtools(
            "Browser.setDownloadBehavior",
            &json!({ "behavior": "allow", "downloadPath": directory }),
        );
    }

    /// Puts a text into the clipboard and pastes it into the element with this id.
    pub fn paste(&self, id: &str, text: &str) {
        self.devtools(
            "Browser.grantPermissions",
            &json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] }),
        );
        self.run("return navigator.clipboard.writeText(arguments[0]);", &[json!(text)]);
        self.click(id);
        self.press(&[key::CONTROL, "v"]);
    }

    /// The text of an element, as it is shown.
    pub fn text(&self, selector: &str) -> String {
        let text = self.run(
            "return document.querySelector(arguments[0])?.innerText ?? null;",
            &[json!(selector)],
        );
        text.as_str()
            .unwrap_or_else(|| panic!("the page has no {selector}"))
            .to_owned()
    }

    /// Waits until the text of an element contains another one, and gives all of it.
    pub fn wait_for_text(&self, selector: &str, part: &str) -> String {
        wait_for(&format!("{part:?} in {selector}"), || {
            let text = self.text(selector);
            if text.contains(part) { Ok(text) } else { Err(text) }
        })
    }

    /// The names of the elements that a selector finds and that are shown, each as its CSS id or tag and what a screen reader would say.
    pub fn accessible_names(&self, selector: &str) -> Vec<(String, String)> {
        let shown = self.run(
            "return Array.from(document.querySelectorAll(arguments[0])).filter((element) => element.checkVisibility());",
            &[json!(selector)],
        );
        let elements = shown.as_array().expect("a list of elements");
        elements
            .iter()
            .map(|element| {
                let id = element_id(element);
                let what = self.run(
                    "return arguments[0].id || arguments[0].outerHTML;",
                    std::slice::from_ref(element),
                );
                let name = self.get(&format!("/element/{id}/computedlabel"));
                (
                    what.as_str().unwrap_or_default().to_owned(),
                    name.as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect()
    }

    /// What the browser's console got since it was last asked: errors of scripts, violations of the page's policy, answers that were refusals.
    pub fn console(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().expect("a list of entries");
        entries
            .iter()
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    fn element(&self, selector: &str) -> String {
        element_id(&self.post("/element", &json!({ "using": "css selector", "value": selector })))
    }
}

impl Drop for Browser {
    /// Has chromedriver end its Chromium; killed, it would leave it running. Quietly, since the test may be failing already.
    fn drop(&mut self) {
        if let Ok(mut stream) = TcpStream::connect_timeout(&self.address, SOON) {
            let _ = stream.set_read_timeout(Some(SOON));
            let _ = stream.write_all(format!("GET /shutdown HTTP/1.1\r\nhost: {}\r\n\r\n", self.address).as_bytes());
            // It closes the connection when it ends, which is when Chromium has.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
}

/// The driver's id of an element: the one value of the object that stands for it.
fn element_id(reference: &Value) -> String {
    let id = reference
        .as_object()
        .and_then(|object| object.values().next())
        .and_then(Value::as_str);
    id.expect("a reference to an element").to_owned()
}
