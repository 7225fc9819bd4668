//! A browser, driven over `WebDriver` (W3C) as far as the tests need it: Chromium through `chromedriver`.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// No step takes as long on any machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A session with a browser of its own, which ends with it.
pub struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session: String,
}

fn found(names: &[&str]) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

impl Browser {
    /// Starts one, or says why the test is left out.
    pub fn start() -> Option<Self> {
        Self::start_with(None, &[])
    }

    /// Starts `program`, or the browser that there is, with `more` arguments.
    pub fn start_with(program: Option<&Path>, more: &[&str]) -> Option<Self> {
        let (Some(driver), Some(browser)) =
            (found(&["chromedriver"]), found(&["chromium", "chromium-browser", "google-chrome"]))
        else {
            eprintln!("left out: there is no chromium with chromedriver");
            return None;
        };
        let browser = program.map_or(browser, Path::to_owned);
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("successfully on port ")?;
            Some(rest.trim_end_matches('.').to_owned())
        });
        let port = port.expect("chromedriver says its port");
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .proxy(None);
        let mut this = Self {
            driver,
            agent: config.build().into(),
            session: format!("http://127.0.0.1:{port}/session"),
        };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--hide-scrollbars",
            "--window-size=1150,1000",
        ];
        let arguments = [&arguments[..], more].concat();
        let made = this.ask(
            "",
            &json!({"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                "goog:chromeOptions": {"binary": browser, "args": arguments},
            }}}),
        );
        this.session = format!("{}/{}", this.session, made["sessionId"].as_str().unwrap());
        Some(this)
    }

    fn ask(&self, command: &str, body: &Value) -> Value {
        let text = serde_json::to_string(body).unwrap();
        let url = format!("{}{command}", self.session);
        let mut answer = self.agent.post(url).header("content-type", "application/json").send(text).unwrap();
        let text = answer.body_mut().with_config().limit(1 << 28).read_to_string().unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(answer.status().is_success(), "{command}: {}", value["value"]["message"]);
        value["value"].clone()
    }

    /// Opens a file and waits until it is loaded.
    pub fn open(&self, path: &Path) {
        self.ask("/url", &json!({"url": format!("file://{}", path.display())}));
    }

    /// What a script returns, which sees `arguments`.
    pub fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.ask("/execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// What a script gives to the function that is its last argument.
    pub fn run_async(&self, script: &str) -> Value {
        self.ask("/execute/async", &json!({"script": script, "args": []}))
    }

    /// A command of the `DevTools` protocol.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.ask("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    fn element(&self, selector: &str) -> String {
        let found = self.ask("/element", &json!({"using": "css selector", "value": selector}));
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    /// Clicks on the first element that fits, as a person would: it has to be in view and not covered.
    pub fn click(&self, selector: &str) {
        self.ask(&format!("/element/{}/click", self.element(selector)), &json!({}));
    }

    /// Types into the first element that fits.
    pub fn type_into(&self, selector: &str, text: &str) {
        self.ask(&format!("/element/{}/value", self.element(selector)), &json!({"text": text}));
    }

    /// What was written to the console since it was last asked.
    pub fn console(&self) -> Vec<String> {
        let entries = self.ask("/se/log", &json!({"type": "browser"}));
        entries
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What was asked of any server or file since it was last asked.
    pub fn requests(&self) -> Vec<String> {
        let entries = self.ask("/se/log", &json!({"type": "performance"}));
        let messages = entries.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap());
        let events =
            messages.map(|message| serde_json::from_str::<Value>(message).unwrap()["message"].clone());
        events
            .filter(|event| event["method"] == "Network.requestWillBeSent")
            .map(|event| event["params"]["request"]["url"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Pretends that the user prefers `scheme`: `light` or `dark`.
    pub fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Pretends to be so wide and high.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }
}

impl Drop for Browser {
    /// The session ends first, so that the browser does: a driver that is killed leaves it running.
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
