//! JSON-RPC 2.0: requests, answers, notifications, batches.
//!
//! Parameters are named. A failure of a method has the code -32000 minus hush's exit code of that failure, and its kind as
//! `data.kind`.

use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use crate::desk::Desk;
use crate::fault::{Fault, FaultKind};
use crate::method::{CallError, Entry, Method, Subscribe, Unsubscribe};
use crate::schema;
use crate::subscription::Subscriber;

/// The most bytes of a request or a batch: a text has at most a sixteenth of it.
pub(crate) const REQUEST_BYTES: usize = 1 << 20;
/// The code of what is no request.
const NO_REQUEST: i32 = -32_600;
/// The most requests of a batch.
const BATCH: usize = 100;
/// Where OpenRPC documents are asked for.
pub(crate) const DISCOVER: &str = "rpc.discover";

/// Whoever asks.
pub(crate) struct Caller<'a> {
    pub(crate) desk: &'a Desk,
    /// Where the connection stays, what is subscribed to in it.
    pub(crate) subscriber: Option<&'a Subscriber>,
    /// Subscriptions that begin when the answer is out.
    pub(crate) begin: Vec<oneshot::Sender<()>>,
}

/// An error object.
struct Refused {
    code: i32,
    message: String,
    kind: Option<FaultKind>,
}

impl Refused {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), kind: None }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        let number = match fault.kind {
            FaultKind::Error => 1,
            FaultKind::Usage => 2,
            FaultKind::NotRegistered => 3,
            FaultKind::Network => 4,
            FaultKind::Untrusted => 5,
            FaultKind::RateLimit => 6,
            FaultKind::UnknownRecipient => 7,
            FaultKind::Partly => 8,
        };
        Self { code: -32_000 - number, message: fault.sentence, kind: Some(fault.kind) }
    }
}

impl From<CallError> for Refused {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Params(why) => Self::new(-32_602, format!("the parameters do not fit: {why}")),
            CallError::Fault(fault) => fault.into(),
        }
    }
}

impl<'a> Caller<'a> {
    pub(crate) const fn new(desk: &'a Desk, subscriber: Option<&'a Subscriber>) -> Self {
        Self { desk, subscriber, begin: Vec::new() }
    }

    /// Answers a request or a batch; none where only notifications came.
    pub(crate) async fn answer(&mut self, text: &str) -> Option<String> {
        let _work = self.desk.work();
        match serde_json::from_str(text) {
            Ok(Value::Array(batch)) if batch.is_empty() => Some(refuse("an empty batch asks for nothing")),
            Ok(Value::Array(batch)) if batch.len() > BATCH => {
                Some(refuse(&format!("a batch has at most {BATCH} requests")))
            }
            Ok(Value::Array(batch)) => {
                let mut answers = Vec::new();
                for request in batch {
                    answers.extend(self.one(request).await);
                }
                (!answers.is_empty()).then(|| Value::Array(answers).to_string())
            }
            Ok(request) => self.one(request).await.map(|answer| answer.to_string()),
            Err(error) => {
                let refused = Refused::new(-32_700, format!("this is no JSON: {error}"));
                Some(answer_with(Value::Null, Err(refused)).to_string())
            }
        }
    }

    async fn one(&mut self, request: Value) -> Option<Value> {
        let Value::Object(mut request) = request else {
            return Some(answer_with(Value::Null, Err(Refused::new(NO_REQUEST, "a request is an object"))));
        };
        let id = request.remove("id");
        let is_id = |id: &Value| id.is_string() || id.is_number() || id.is_null();
        if id.as_ref().is_some_and(|id| !is_id(id)) {
            return Some(answer_with(
                Value::Null,
                Err(Refused::new(NO_REQUEST, "an id is a string or a number")),
            ));
        }
        let done = match read(request) {
            Ok((method, params)) => self.call(&method, params).await,
            // What is no request at all has an answer, whether it has an id or not.
            Err(refused) if refused.code == NO_REQUEST => {
                return Some(answer_with(id.unwrap_or_default(), Err(refused)));
            }
            Err(refused) => Err(refused),
        };
        id.map(|id| answer_with(id, done))
    }

    async fn call(&mut self, method: &str, params: Value) -> Result<Value, Refused> {
        match (method, self.subscriber) {
            (DISCOVER, _) => return Ok(schema::document()),
            (Subscribe::NAME, Some(subscriber)) => {
                let (answer, begin) = subscriber.subscribe(self.desk, of(params)?).await?;
                self.begin.push(begin);
                return serde_json::to_value(answer).map_err(|error| Fault::error(error).into());
            }
            (Unsubscribe::NAME, Some(subscriber)) => {
                let answer = subscriber.unsubscribe(&of(params)?);
                return serde_json::to_value(answer).map_err(|error| Fault::error(error).into());
            }
            _ => {}
        }
        let entry = Entry::named(method).ok_or_else(|| {
            Refused::new(-32_601, format!("there is no method {method:?}: rpc.discover shows those that are"))
        })?;
        Ok(entry.call(self.desk, params).await?)
    }
}

fn of<M: Method>(params: Value) -> Result<M, Refused> {
    serde_json::from_value(params).map_err(|error| CallError::Params(error.to_string()).into())
}

/// The method and its parameters, as an object.
fn read(mut request: Map<String, Value>) -> Result<(String, Value), Refused> {
    if request.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(Refused::new(NO_REQUEST, "a request says \"jsonrpc\": \"2.0\""));
    }
    let Some(Value::String(method)) = request.remove("method") else {
        return Err(Refused::new(NO_REQUEST, "a request names a method"));
    };
    match request.remove("params") {
        None => Ok((method, json!({}))),
        Some(params @ Value::Object(_)) => Ok((method, params)),
        Some(Value::Array(none)) if none.is_empty() => Ok((method, json!({}))),
        Some(_) => Err(Refused::new(-32_602, "parameters are given by name, as an object")),
    }
}

fn answer_with(id: Value, done: Result<Value, Refused>) -> Value {
    match done {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(Refused { code, message, kind }) => {
            let mut error = json!({ "code": code, "message": message });
            if let (Some(fields), Some(kind)) = (error.as_object_mut(), kind) {
                fields.insert("data".to_owned(), json!({ "kind": kind }));
            }
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        }
    }
}

/// The answer to what is no request.
pub(crate) fn refuse(why: &str) -> String {
    answer_with(Value::Null, Err(Refused::new(NO_REQUEST, why))).to_string()
}

/// Something that nobody asked for at that moment.
pub(crate) fn notification(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string()
}

/// A request as text.
pub(crate) fn request(id: u64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// The id and the outcome in an answer; none in what is no answer.
pub(crate) fn outcome(text: &str) -> Option<(u64, Result<Value, Fault>)> {
    let Ok(Value::Object(mut answer)) = serde_json::from_str(text) else { return None };
    let id = answer.get("id")?.as_u64()?;
    let Some(error) = answer.remove("error") else { return Some((id, Ok(answer.remove("result")?))) };
    let sentence = error.get("message").and_then(Value::as_str).unwrap_or("the daemon refused");
    let kind = error.pointer("/data/kind").and_then(|kind| serde_json::from_value(kind.clone()).ok());
    Some((id, Err(Fault::new(kind.unwrap_or(FaultKind::Error), sentence))))
}
