//! A stand-in for a site: a few methods of its API over HTTP on loopback, and ways to fail.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// The script that may log in, and its key.
pub const SCRIPT: (&str, &str) = ("robot", "s3cret-of-the-robot");

/// How the site behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers as a site does.
    Proper,
    /// It answers every request with this status.
    Status(u16),
    /// It answers with cut JSON.
    Babbling,
    /// It answers nothing.
    Hanging,
    /// It closes the connection without an answer, from this request on.
    DyingAfter(usize),
    /// It hangs from this request on.
    HangingAfter(usize),
}

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    /// The methods that were called, and their parameters.
    calls: Vec<(String, Value)>,
    /// Connections that sent a request.
    connections: usize,
    entities: Vec<Value>,
}

/// The site. Its thread ends with the process.
#[derive(Clone, Debug)]
pub struct Site {
    pub address: String,
    state: Arc<Mutex<State>>,
}

impl Site {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            behaviour: Behaviour::Proper,
            calls: Vec::new(),
            connections: 0,
            entities: Vec::new(),
        };
        let site = Site { address, state: Arc::new(Mutex::new(state)) };
        let serving = site.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let site = serving.clone();
                thread::spawn(move || site.serve(&stream));
            }
        });
        site
    }

    pub fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    /// Adds an entity to the site; it needs a `type` and an `id`.
    pub fn know(&self, entity: Value) {
        self.state().entities.push(entity);
    }

    /// Removes an entity from the site.
    pub fn forget(&self, kind: &str, id: i64) {
        self.state().entities.retain(|entity| entity["type"] != kind || entity["id"] != id);
    }

    /// Counts the requests.
    pub fn calls(&self) -> usize {
        self.state().calls.len()
    }

    /// Counts the connections that sent a request.
    #[cfg(target_os = "linux")]
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    /// Counts the reads of a type of entity.
    pub fn reads_of(&self, kind: &str) -> usize {
        let state = self.state();
        state.calls.iter().filter(|(method, of)| method == "read" && of["type"] == kind).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut is_new = true;
        while let Some(request) = read_request(&mut reader) {
            let method = request["method_name"].as_str().unwrap_or_default().to_owned();
            let asked = request["params"].get(1).cloned().unwrap_or_default();
            self.state().calls.push((method, asked));
            self.state().connections += usize::from(std::mem::take(&mut is_new));
            let count = self.calls();
            let behaviour = self.state().behaviour;
            let answer = match behaviour {
                Behaviour::DyingAfter(most) if count > most => return,
                Behaviour::HangingAfter(most) if count > most => return self.hang(stream),
                Behaviour::Hanging => return self.hang(stream),
                Behaviour::Status(status) => (status, "something is wrong".to_owned()),
                Behaviour::Babbling => (200, "{\"results\": {\"ent".to_owned()),
                _ => (200, self.answer(&request).to_string()),
            };
            let (status, body) = answer;
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let mut stream = stream;
            if stream.write_all((head + &body).as_bytes()).is_err() {
                return;
            }
        }
    }

    /// Answers nothing until the client leaves or the site behaves in another way.
    fn hang(&self, mut stream: &TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_millis(20)));
        let hangs =
            || matches!(self.state().behaviour, Behaviour::Hanging | Behaviour::HangingAfter(_));
        let silently = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
        };
        while hangs() && stream.read(&mut [0; 64]).is_err_and(|error| silently(&error)) {}
    }

    fn answer(&self, request: &Value) -> Value {
        let params = request["params"].as_array().cloned().unwrap_or_default();
        let auth = params.first().cloned().unwrap_or_default();
        let asked = params.get(1).cloned().unwrap_or_default();
        if request["method_name"] == "info" {
            return json!({"results": {"version": [8, 50, 0], "s3_uploads_enabled": false,
                "user_authentication_method": "default", "totango_site_id": "0"}});
        }
        if auth["script_name"] != SCRIPT.0 || auth["script_key"] != SCRIPT.1 {
            let message = format!("Can't authenticate script '{}'", auth["script_name"]);
            return json!({"exception": true, "message": message, "error_code": 102});
        }
        let state = self.state();
        let matching = state
            .entities
            .iter()
            .filter(|entity| entity["type"] == asked["type"] && fulfils(entity, &asked["filters"]));
        let fields = asked["return_fields"].as_array().cloned().unwrap_or_default();
        let found: Vec<Value> = matching
            .map(|entity| {
                let mut shown = json!({"type": entity["type"], "id": entity["id"]});
                for field in fields.iter().filter_map(Value::as_str) {
                    shown[field] = entity.get(field).cloned().unwrap_or_default();
                }
                shown
            })
            .collect();
        let paging = json!({"entity_count": found.len(), "has_next_page": false});
        json!({"results": {"entities": found, "paging_info": paging}})
    }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).unwrap_or_default())
}

/// Checks an entity against a filter: only `is` and groups of filters exist here.
fn fulfils(entity: &Value, filter: &Value) -> bool {
    if let Some(filters) = filter["conditions"].as_array() {
        let mut fulfilled = filters.iter().map(|filter| fulfils(entity, filter));
        return match filter["logical_operator"].as_str() {
            Some("or") => fulfilled.any(|yes| yes),
            _ => fulfilled.all(|yes| yes),
        };
    }
    let path = filter["path"].as_str().unwrap_or_default();
    let identity = |value: &Value| match value {
        Value::Object(link) => link["id"].clone(),
        Value::Array(links) if links.is_empty() => Value::Null,
        value => value.clone(),
    };
    let value = entity.get(path).map(identity).unwrap_or_default();
    filter["values"].as_array().is_some_and(|values| values.iter().any(|v| identity(v) == value))
}
