//! A real Chromium, driven over its DevTools pipe: messages of JSON, each ended by a zero byte.

use nix::{sys::stat::Mode, unistd::mkfifo};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    time::{Instant, sleep, timeout},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with one page.
pub(super) struct Browser {
    to: File,
    from: BufReader<File>,
    session: Option<String>,
    next: u64,
    process: Child,
    _place: TempDir,
}

/// Where Chromium is. Without one the test is no test: on a machine that checks this is a failure,
/// elsewhere a hint.
pub(super) fn program() -> Option<PathBuf> {
    let named = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ];
    let found = named.iter().map(PathBuf::from).find(|path| path.exists());
    #[expect(clippy::disallowed_methods, reason = "whether this machine checks")]
    let checks = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        found.is_some() || !checks,
        "no Chromium: `apt-get install chromium` (CI=true, so this test is not left out)"
    );
    #[expect(clippy::print_stdout, reason = "a test that is left out says so")]
    if found.is_none() {
        println!("LEFT OUT: no Chromium on this machine; `apt-get install chromium`");
    }
    found
}

impl Browser {
    pub(super) async fn start(program: &PathBuf) -> Self {
        let place = tempfile::tempdir().unwrap();
        let (to, from) = (place.path().join("to"), place.path().join("from"));
        for pipe in [&to, &from] {
            mkfifo(pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        }
        let process = Command::new("sh")
            .arg("-c")
            .arg(
                r#"exec "$0" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage \
                --no-first-run --remote-debugging-pipe --user-data-dir="$1/profile" \
                --lang=en-US about:blank 3<"$1/to" 4>"$1/from""#,
            )
            .arg(program)
            .arg(place.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let opened = timeout(PATIENCE, async {
            let to = File::options().write(true).open(&to).await.unwrap();
            let from = File::open(&from).await.unwrap();
            (to, BufReader::new(from))
        });
        let (to, from) = opened.await.expect("Chromium did not start");
        let mut browser = Self {
            to,
            from,
            session: None,
            next: 0,
            process,
            _place: place,
        };
        let made = browser
            .call("Target.createTarget", json!({"url": "about:blank"}))
            .await;
        let attach = json!({"targetId": made["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach).await;
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        browser.call("Page.enable", json!({})).await;
        browser
    }

    /// Calls a method and returns its result.
    pub(super) async fn call(&mut self, method: &str, params: Value) -> Value {
        let mut answer = self.answer(method, params).await;
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    async fn answer(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).await.unwrap();
        self.to.flush().await.unwrap();
        let answered = timeout(PATIENCE, async {
            loop {
                let mut bytes = Vec::new();
                let read = self.from.read_until(0, &mut bytes).await.unwrap();
                assert!(read > 0, "Chromium is gone");
                bytes.pop();
                let answer: Value = serde_json::from_slice(&bytes).unwrap();
                if answer["id"] == self.next {
                    return answer;
                }
            }
        });
        answered
            .await
            .unwrap_or_else(|_| panic!("Chromium did not answer to {method}"))
    }

    /// The value of an expression on the page.
    pub(super) async fn eval(&mut self, script: &str) -> Value {
        let params = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.answer("Runtime.evaluate", params).await;
        // The page that was asked is gone: it said nothing.
        let error = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(error.is_empty() || error.contains("navigated"), "{answer}");
        answer["result"]["result"]["value"].take()
    }

    /// Goes to an address and waits until it is loaded.
    pub(super) async fn go(&mut self, url: &str) {
        self.eval("window.left = true").await;
        self.call("Page.navigate", json!({"url": url})).await;
        self.settled().await;
    }

    /// Waits for another document than the one marked as left.
    async fn settled(&mut self) {
        self.until("window.left === undefined && document.readyState === 'complete'")
            .await;
    }

    /// Waits until an expression is true.
    pub(super) async fn until(&mut self, script: &str) {
        let end = Instant::now() + PATIENCE;
        while self.eval(script).await != json!(true) {
            if Instant::now() > end {
                let text = self.text().await;
                panic!("never so: {script}\n{text}");
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks on what a selector finds, and waits for the page that follows.
    pub(super) async fn click(&mut self, selector: &str) {
        let script = format!(
            "window.left = true; document.querySelector({}).click()",
            json!(selector)
        );
        let params = json!({"expression": script});
        let done = self.call("Runtime.evaluate", params).await;
        assert!(done["exceptionDetails"].is_null(), "{selector}: {done}");
        self.settled().await;
    }

    /// Types into what a selector finds, as keys would.
    pub(super) async fn fill(&mut self, selector: &str, text: &str) {
        let script = format!(
            "{{ const at = document.querySelector({}); at.focus(); at.select(); }}",
            json!(selector)
        );
        let done = self
            .call("Runtime.evaluate", json!({"expression": script}))
            .await;
        assert!(done["exceptionDetails"].is_null(), "{selector}: {done}");
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// What a person reads.
    pub(super) async fn text(&mut self) -> String {
        self.eval("document.body.innerText")
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The page as it is for people who want it dark, or light.
    pub(super) async fn scheme(&mut self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let scheme = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": scheme}))
            .await;
    }

    /// The page as it is in a window of this width.
    pub(super) async fn size(&mut self, width: u32) {
        let size =
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Presses the key Tab.
    pub(super) async fn press_tab(&mut self) {
        for kind in ["rawKeyDown", "keyUp"] {
            let key =
                json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9});
            self.call("Input.dispatchKeyEvent", key).await;
        }
    }

    /// A picture of the whole page, for people, where `B24_SCREENSHOTS` names a directory.
    pub(super) async fn picture(&mut self, name: &str, width: u32) {
        #[expect(
            clippy::disallowed_methods,
            reason = "only for people who look at pages"
        )]
        let Ok(place) = std::env::var("B24_SCREENSHOTS") else {
            return;
        };
        self.size(width).await;
        let shot = self
            .call(
                "Page.captureScreenshot",
                json!({"captureBeyondViewport": true}),
            )
            .await;
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            shot["data"].as_str().unwrap(),
        );
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(format!("{place}/{name}-{width}.png"), bytes.unwrap()).unwrap();
        self.call("Emulation.clearDeviceMetricsOverride", json!({}))
            .await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
