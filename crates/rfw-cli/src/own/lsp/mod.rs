//! `rfw lsp`: a language server on standard input and output.
//!
//! Findings when a text is opened or changed, pages on hover, fixes and allowances as code actions. Settings are read for
//! every look, so that a change of `rfw.toml` counts at once.

mod actions;
mod document;
mod places;

use std::collections::HashMap;
use std::io::Write;

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Notification as _, PublishDiagnostics,
    ShowMessage,
};
use lsp_types::request::{CodeActionRequest, HoverRequest, Request as _};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, DidChangeTextDocumentParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, HoverParams, InitializeParams, MessageType,
    PositionEncodingKind, PublishDiagnosticsParams, ServerCapabilities, ShowMessageParams,
    TextDocumentSyncCapability, TextDocumentSyncKind, Uri,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use document::Document;
use places::Encoding;

use crate::own::lint::whole;

/// Runs it; gives the exit status: 1 if the client went away without saying so.
pub fn run() -> u8 {
    let (connection, threads) = Connection::stdio();
    let done = serve(&connection);
    // The writer ends when nobody can send any more.
    drop(connection);
    let failed = match done {
        Ok(()) => threads.join().map_err(|e| e.to_string()),
        Err(text) => Err(text),
    };
    match failed {
        Ok(()) => 0,
        Err(text) => {
            let _ = writeln!(std::io::stderr(), "rfw lsp: {text}");
            1
        }
    }
}

fn serve(connection: &Connection) -> Result<(), String> {
    let (id, params) = connection.initialize_start().map_err(|e| e.to_string())?;
    let params: InitializeParams = serde_json::from_value(params).map_err(|e| e.to_string())?;
    let encoding = encoding(&params);
    let about = json!({
        "capabilities": capabilities(encoding),
        "serverInfo": { "name": "rfw", "version": env!("CARGO_PKG_VERSION") },
    });
    connection.initialize_finish(id, about).map_err(|e| e.to_string())?;
    let mut server = Server { connection, encoding, documents: HashMap::new(), said: None };
    while let Ok(message) = connection.receiver.recv() {
        if !server.handle(message)? {
            return Ok(());
        }
        // Of many changes in a row only the last is looked at.
        while let Ok(message) = connection.receiver.try_recv() {
            if !server.handle(message)? {
                return Ok(());
            }
        }
        server.publish();
    }
    Err("the client went away".to_owned())
}

/// Columns in bytes where the client can, else in UTF-16 as the protocol has it.
fn encoding(params: &InitializeParams) -> Encoding {
    let offered = params.capabilities.general.as_ref().and_then(|g| g.position_encodings.as_ref());
    match offered.is_some_and(|all| all.contains(&PositionEncodingKind::UTF8)) {
        true => Encoding::Utf8,
        false => Encoding::Utf16,
    }
}

fn capabilities(encoding: Encoding) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(match encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::FULL)),
        hover_provider: Some(true.into()),
        code_action_provider: Some(
            CodeActionOptions {
                code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, CodeActionKind::SOURCE_FIX_ALL]),
                ..CodeActionOptions::default()
            }
            .into(),
        ),
        ..ServerCapabilities::default()
    }
}

struct Server<'a> {
    connection: &'a Connection,
    encoding: Encoding,
    documents: HashMap<String, Document>,
    /// What was said last about the settings, which is not said twice.
    said: Option<String>,
}

impl Server<'_> {
    /// False when the client has said goodbye.
    fn handle(&mut self, message: Message) -> Result<bool, String> {
        match message {
            Message::Request(request) => {
                if self.connection.handle_shutdown(&request).map_err(|e| e.to_string())? {
                    return Ok(false);
                }
                self.publish();
                let response = self.answer(request);
                self.send(response.into());
            }
            Message::Notification(told) => self.told(told),
            Message::Response(_) => {}
        }
        Ok(true)
    }

    fn answer(&self, request: Request) -> Response {
        let id = request.id.clone();
        let result = match request.method.as_str() {
            HoverRequest::METHOD => parameters(request.params).map(|p| self.hover(&p)),
            CodeActionRequest::METHOD => parameters(request.params).map(|p| self.actions(&p)),
            other => {
                let text = format!("{other} is not known here");
                return Response::new_err(id, ErrorCode::MethodNotFound as i32, text);
            }
        };
        match result {
            Ok(value) => Response::new_ok(id, value),
            Err(text) => Response::new_err(id, ErrorCode::InvalidParams as i32, text),
        }
    }

    fn hover(&self, params: &HoverParams) -> Value {
        let about = &params.text_document_position_params;
        let document = self.documents.get(about.text_document.uri.as_str());
        json!(document.and_then(|d| d.hover(about.position, self.encoding)))
    }

    fn actions(&self, params: &CodeActionParams) -> Value {
        let document = self.documents.get(params.text_document.uri.as_str());
        json!(document.map(|d| actions::of(d, params, self.encoding)).unwrap_or_default())
    }

    fn told(&mut self, told: Notification) {
        match told.method.as_str() {
            DidOpenTextDocument::METHOD => {
                if let Ok(p) = parameters::<DidOpenTextDocumentParams>(told.params) {
                    let (uri, opened) = (p.text_document.uri.clone(), p.text_document);
                    let name = uri.as_str().to_owned();
                    self.documents.insert(name.clone(), Document::new(uri, opened.version, opened.text));
                    self.others_changed(&name);
                }
            }
            DidChangeTextDocument::METHOD => {
                if let Ok(p) = parameters::<DidChangeTextDocumentParams>(told.params)
                    && let Some(document) = self.documents.get_mut(p.text_document.uri.as_str())
                    && let Some(last) = p.content_changes.into_iter().next_back()
                {
                    document.change(p.text_document.version, last.text);
                    self.others_changed(p.text_document.uri.as_str());
                }
            }
            DidCloseTextDocument::METHOD => {
                if let Ok(p) = parameters::<DidCloseTextDocumentParams>(told.params) {
                    self.others_changed(p.text_document.uri.as_str());
                    self.documents.remove(p.text_document.uri.as_str());
                    self.show(p.text_document.uri, None, Vec::new());
                }
            }
            _ => {}
        }
    }

    /// Has the texts looked at again for which another text may count.
    fn others_changed(&mut self, name: &str) {
        let Some(path) = self.documents.get(name).and_then(|d| d.path.as_deref()).map(whole) else { return };
        for (_, document) in self.documents.iter_mut().filter(|(other, _)| *other != name) {
            document.other_changed(&path);
        }
    }

    /// Looks at all texts that have changed and tells what is found.
    fn publish(&mut self) {
        let mut trouble = None;
        let mut news = Vec::new();
        let changed: Vec<String> =
            self.documents.iter().filter(|(_, d)| d.changed()).map(|(name, _)| name.clone()).collect();
        for name in changed {
            let looked = {
                let open = self.documents.iter().filter(|(other, _)| **other != name).map(|(_, d)| d);
                let open: Vec<_> = open.filter_map(|d| Some((d.path.as_deref()?, &d.source))).collect();
                self.documents.get(&name).map(|document| document.look(&open))
            };
            let (Some(looked), Some(document)) = (looked, self.documents.get_mut(&name)) else { continue };
            match &looked {
                Ok(looked) => trouble = looked.trouble.clone().or(trouble),
                Err(text) => trouble = Some(text.clone()),
            }
            document.looked(looked.ok());
            news.push((document.uri.clone(), document.version, document.diagnostics(self.encoding)));
        }
        if let Some(message) = trouble.clone().filter(|_| trouble != self.said) {
            self.notify(ShowMessage::METHOD, &ShowMessageParams { typ: MessageType::ERROR, message });
        }
        if !news.is_empty() {
            self.said = trouble;
        }
        for (uri, version, diagnostics) in news {
            self.show(uri, Some(version), diagnostics);
        }
    }

    fn show(&self, uri: Uri, version: Option<i32>, diagnostics: Vec<lsp_types::Diagnostic>) {
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        self.notify(PublishDiagnostics::METHOD, &params);
    }

    fn notify(&self, method: &str, params: &impl Serialize) {
        self.send(Notification::new(method.to_owned(), params).into());
    }

    /// A client that is gone is found out when the next message does not come.
    fn send(&self, message: Message) {
        let _ = self.connection.sender.send(message);
    }
}

fn parameters<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|e| e.to_string())
}
