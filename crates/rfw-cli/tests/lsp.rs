//! `rfw lsp` over a pipe, as an editor would drive it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

struct Client {
    server: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Client {
    fn start(encodings: &[&str]) -> (Self, Value) {
        let mut server = Command::new(env!("CARGO_BIN_EXE_rfw"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("rfw starts");
        let input = server.stdin.take();
        let output = BufReader::new(server.stdout.take().expect("a pipe"));
        let mut client = Self { server, input, output, next: 0 };
        let params = json!({"processId": null, "rootUri": null, "capabilities": {"general": {"positionEncodings": encodings}}});
        let about = client.ask("initialize", &params);
        client.tell("initialized", &json!({}));
        (client, about)
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let input = self.input.as_mut().expect("open");
        write!(input, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("written");
        input.flush().expect("written");
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).expect("a line") > 0, "the server went away");
            match line.trim() {
                "" => break,
                header => {
                    if let Some(n) = header.strip_prefix("Content-Length: ") {
                        length = n.parse().expect("a number");
                    }
                }
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    }

    fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// The result of a request; notifications that come first are passed over.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.request(method, params);
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    fn request(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.receive();
            if message["id"] == id {
                return message;
            }
        }
    }

    fn open(&mut self, uri: &str, text: &str) -> Vec<Value> {
        let document = json!({"uri": uri, "languageId": "iptables", "version": 1, "text": text});
        self.tell("textDocument/didOpen", &json!({"textDocument": document}));
        self.diagnostics()
    }

    /// The next list of findings.
    fn diagnostics(&mut self) -> Vec<Value> {
        self.until("textDocument/publishDiagnostics")["diagnostics"].as_array().expect("an array").clone()
    }

    fn until(&mut self, method: &str) -> Value {
        loop {
            let message = self.receive();
            if message["method"] == method {
                return message["params"].clone();
            }
        }
    }

    fn change(&mut self, uri: &str, version: i32, text: &str) {
        let change =
            json!({"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]});
        self.tell("textDocument/didChange", &change);
    }

    fn actions(&mut self, uri: &str, line: u32, only: Option<&str>) -> Vec<Value> {
        let place = json!({"line": line, "character": 0});
        let end = json!({"line": line, "character": 99});
        let mut context = json!({"diagnostics": []});
        if let Some(only) = only {
            context["only"] = json!([only]);
        }
        let params =
            json!({"textDocument": {"uri": uri}, "range": {"start": place, "end": end}, "context": context});
        self.ask("textDocument/codeAction", &params).as_array().expect("an array").clone()
    }

    fn leave(mut self) -> Option<i32> {
        self.ask("shutdown", &Value::Null);
        self.tell("exit", &Value::Null);
        self.server.wait().expect("rfw ends").code()
    }
}

fn codes(diagnostics: &[Value]) -> Vec<&str> {
    diagnostics.iter().map(|d| d["code"].as_str().expect("a code")).collect()
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lsp").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

const URI: &str = "untitled:rules";
const TEXT: &str = "*filter\n:INPUT DROP [0:0]\n-A INPUT -m comment --comment é😀 -p tcp –dport 22 -j ACCEPT\n\
                    -A INPUT -i lo -j ACCEPT\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";

#[test]
fn findings_on_open_and_change() {
    let (mut client, about) = Client::start(&["utf-16"]);
    assert_eq!(about["capabilities"]["positionEncoding"], "utf-16");
    assert_eq!(about["serverInfo"]["name"], "rfw");
    let found = client.open(URI, TEXT);
    assert!(codes(&found).contains(&"RFW101") && codes(&found).contains(&"RFW305"), "{found:?}");
    let dash = found.iter().find(|d| d["code"] == "RFW101").expect("found");
    // é is one half of UTF-16, the face two.
    assert_eq!(dash["range"]["start"], json!({"line": 2, "character": 41}));
    assert_eq!((&dash["severity"], &dash["source"]), (&json!(1), &json!("rfw")));
    assert!(dash["codeDescription"]["href"].as_str().is_some_and(|h| h.ends_with("RFW101-unicode-dash.md")));
    let twice = found.iter().find(|d| d["code"] == "RFW305").expect("found");
    assert_eq!(twice["relatedInformation"][0]["location"]["range"]["start"]["line"], 3);
    assert_eq!(twice["tags"], json!([1]));
    client.change(URI, 2, "*security\nCOMMIT\n");
    let params = client.until("textDocument/publishDiagnostics");
    assert_eq!((&params["version"], &params["diagnostics"]), (&json!(2), &json!([])));
    client.change(URI, 3, TEXT);
    assert!(codes(&client.diagnostics()).contains(&"RFW101"));
    client.tell("textDocument/didClose", &json!({"textDocument": {"uri": URI}}));
    assert!(client.diagnostics().is_empty());
    assert_eq!(client.leave(), Some(0));
}

#[test]
fn columns_in_bytes_where_the_client_can() {
    let (mut client, about) = Client::start(&["utf-16", "utf-8"]);
    assert_eq!(about["capabilities"]["positionEncoding"], "utf-8");
    let found = client.open(URI, TEXT);
    let dash = found.iter().find(|d| d["code"] == "RFW101").expect("found");
    assert_eq!(dash["range"]["start"], json!({"line": 2, "character": 44}));
    assert_eq!(client.leave(), Some(0));
}

#[test]
fn hover_explains() {
    let (mut client, _) = Client::start(&[]);
    client.open(
        URI,
        "*security\n# rfw: allow(RFW501) why\n-A INPUT -i lo -j ACCEPT\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n",
    );
    let mut hover = |line: u32, character: u32| {
        let place = json!({"line": line, "character": character});
        client.ask("textDocument/hover", &json!({"textDocument": {"uri": URI}, "position": place}))
    };
    let dead = hover(3, 4);
    assert!(dead["contents"]["value"].as_str().is_some_and(|v| v.starts_with("# RFW305 ")), "{dead}");
    let named = hover(1, 16);
    assert!(named["contents"]["value"].as_str().is_some_and(|v| v.contains("# RFW501 ")), "{named}");
    assert!(hover(0, 2).is_null());
    assert_eq!(client.leave(), Some(0));
}

#[test]
fn fixes_and_allowances_are_actions() {
    let (mut client, _) = Client::start(&["utf-8"]);
    client.open(URI, TEXT);
    let actions = client.actions(URI, 2, Some("quickfix"));
    let fix = actions.iter().find(|a| a["title"] == "RFW101: write `--dport`").expect("a fix");
    assert_eq!(fix["isPreferred"], true);
    let edit = &fix["edit"]["changes"][URI][0];
    assert_eq!(edit["newText"], "--dport");
    assert_eq!(edit["range"]["end"], json!({"line": 2, "character": 52}));
    // What does not load cannot be allowed; a duplicate can.
    assert!(!actions.iter().any(|a| a["title"] == "RFW101: allow it here"));
    let actions = client.actions(URI, 4, None);
    let allow = actions.iter().find(|a| a["title"] == "RFW305: allow it here").expect("an allowance");
    let edit = &allow["edit"]["changes"][URI][0];
    assert_eq!(edit["newText"], "# rfw: allow(RFW305) reason\n");
    assert_eq!(edit["range"]["start"], json!({"line": 4, "character": 0}));
    let all = client.actions(URI, 0, Some("source.fixAll"));
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["edit"]["changes"][URI][0]["newText"], "--dport");
    assert_eq!(client.leave(), Some(0));
}

#[test]
fn settings_are_those_of_the_file() {
    let folder = folder("settings");
    fs::write(folder.join("rfw.toml"), "ignore = [\"RFW305\"]\n").expect("written");
    let uri = format!("file://{}", folder.join("a%20b.rules").display());
    let (mut client, _) = Client::start(&[]);
    let found = client.open(&uri, TEXT);
    assert!(!codes(&found).contains(&"RFW305") && codes(&found).contains(&"RFW101"), "{found:?}");
    fs::write(folder.join("rfw.toml"), "ignroe = []\n").expect("written");
    client.change(&uri, 2, TEXT);
    let said = client.until("window/showMessage");
    assert!(said["message"].as_str().is_some_and(|m| m.contains("ignroe")), "{said}");
    assert!(client.diagnostics().is_empty());
    assert_eq!(client.leave(), Some(0));
}

#[test]
fn what_is_not_understood_is_answered() {
    let (mut client, _) = Client::start(&[]);
    let answer = client.request("textDocument/rename", &json!({}));
    assert_eq!(answer["error"]["code"], -32601);
    let answer = client.request("textDocument/hover", &json!({"position": 7}));
    assert_eq!(answer["error"]["code"], -32602);
    client.tell("textDocument/didChange", &json!({"nonsense": true}));
    assert_eq!(client.actions("untitled:unknown", 0, None), [] as [Value; 0]);
    // A client that goes without a word.
    drop(client.input.take());
    assert_eq!(client.server.wait().expect("rfw ends").code(), Some(1));
}

/// SSH and `port` are open, all else is dropped.
fn open_to(port: u16) -> String {
    format!(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n\
         -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -p tcp --dport 22 -j ACCEPT\n\
         -A INPUT -p tcp --dport {port} -j ACCEPT\nCOMMIT\n"
    )
}

/// The findings of a text, of the lists that come until one for another text does.
fn mismatch(found: &[Value]) -> Option<&str> {
    found.iter().find(|d| d["code"] == "RFW802").and_then(|d| d["message"].as_str()?.lines().next())
}

impl Client {
    /// The next list of findings of a text.
    fn found(&mut self, uri: &str) -> Vec<Value> {
        loop {
            let params = self.until("textDocument/publishDiagnostics");
            if params["uri"] == uri {
                return params["diagnostics"].as_array().expect("an array").clone();
            }
        }
    }
}

#[test]
fn the_other_family_counts() {
    let folder = folder("pair");
    let uri = |name: &str| format!("file://{}", folder.join(name).display());
    let (four, six) = (uri("rules.v4"), uri("rules.v6"));
    fs::write(folder.join("rules.v6"), open_to(443)).expect("written");
    fs::write(folder.join("other.v6"), open_to(25)).expect("written");
    let (mut client, _) = Client::start(&[]);
    // From the disk.
    assert_eq!(mismatch(&client.open(&four, &open_to(443))), None);
    client.change(&four, 2, &open_to(8443));
    assert_eq!(mismatch(&client.diagnostics()), Some("tcp/8443 is open on IPv4 only, tcp/443 on IPv6 only"));
    // What is open counts, not what is on the disk, and a change of either has both looked at.
    let document = json!({"uri": six, "languageId": "iptables", "version": 1, "text": open_to(8443)});
    client.tell("textDocument/didOpen", &json!({"textDocument": document}));
    assert_eq!(mismatch(&client.found(&four)), None);
    client.change(&six, 2, &open_to(80));
    assert_eq!(mismatch(&client.found(&four)), Some("tcp/8443 is open on IPv4 only, tcp/80 on IPv6 only"));
    // Closed without being saved: the disk counts again.
    client.tell("textDocument/didClose", &json!({"textDocument": {"uri": six}}));
    assert_eq!(mismatch(&client.found(&four)), Some("tcp/8443 is open on IPv4 only, tcp/443 on IPv6 only"));
    // The settings may say that there is to be one family only.
    fs::write(folder.join("rfw.toml"), "single-family = true\n").expect("written");
    client.change(&four, 3, &open_to(8443));
    assert_eq!(mismatch(&client.found(&four)), None);
    assert_eq!(client.leave(), Some(0));
}

#[test]
fn pairs_of_the_settings_count() {
    let folder = folder("said");
    fs::write(folder.join("rfw.toml"), "pairs = [[\"four\", \"sub/six\"]]\n").expect("written");
    let four = format!("file://{}", folder.join("four").display());
    let (mut client, _) = Client::start(&[]);
    client.tell(
        "textDocument/didOpen",
        &json!({"textDocument": {"uri": four, "languageId": "iptables", "version": 1, "text": open_to(443)}}),
    );
    let said = client.until("window/showMessage");
    assert!(said["message"].as_str().is_some_and(|m| m.contains("sub/six")), "{said}");
    assert_eq!(mismatch(&client.found(&four)), None);
    fs::create_dir(folder.join("sub")).expect("a folder");
    let six = open_to(25).replace("--dport 25", "-s 2001:db8::/32 --dport 25");
    fs::write(folder.join("sub/six"), six).expect("written");
    client.change(&four, 2, &open_to(443));
    assert_eq!(mismatch(&client.found(&four)), Some("tcp/443 is open on IPv4 only"));
    assert_eq!(client.leave(), Some(0));
}
