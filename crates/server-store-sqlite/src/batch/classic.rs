//! Wire version 1.

use hushwire_server_store::Written;
use hushwire_server_store::classic::{
    AcknowledgeClassic, BeginClassic, ClassicStored, CountClassicGuess, CreateClassic, StoreClassic,
    guess_key,
};
use hushwire_server_store::decide::classic::{self as decide, Creation};

use super::Batch;
use super::rows::count;
use crate::columns::{int, time};
use crate::error::Step;
use crate::reads::classic as reads;
use crate::reads::registration::wrong_codes;
use crate::sql;

impl Batch<'_> {
    pub(super) fn begin_classic(&self, operation: BeginClassic) -> Step<Written> {
        let account = reads::account(self.connection, operation.phone)?;
        let since = self.now.before(self.bounds.wrong_codes_window);
        let wrong = wrong_codes(self.connection, &guess_key(operation.phone), since)?;
        decide::may_begin(account.as_ref(), &wrong, self.bounds, self.now)?;
        Ok(Written::Done)
    }

    pub(super) fn count_classic_guess(&self, operation: CountClassicGuess) -> Step<Written> {
        let sql = "INSERT INTO wrong_code(handle, at) VALUES (?1, ?2)";
        self.exec(sql, (guess_key(operation.phone), time(self.now)))?;
        Ok(Written::Done)
    }

    pub(super) fn create_classic(&self, operation: &CreateClassic) -> Step<Written> {
        let CreateClassic { phone, keys } = operation;
        let account = reads::account(self.connection, *phone)?;
        if decide::creation(account.as_ref(), keys)? == Creation::New {
            self.exec(
                "INSERT INTO classic_account(phone, dh, rsa, dh_signature, rsa_signature, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (phone.0, keys.dh, &*keys.rsa, &*keys.dh_signature, &*keys.rsa_signature, time(self.now)),
            )?;
            self.exec("INSERT INTO classic_waiting(phone, messages, bytes) VALUES (?1, 0, 0)", [phone.0])?;
        }
        Ok(Written::Done)
    }

    pub(super) fn store_classic(&self, operation: &StoreClassic) -> Step<Written> {
        let StoreClassic { recipient, sender, digest, blob } = operation;
        let seen = "SELECT 1 FROM classic_seen WHERE digest = ?1";
        if sql::one(self.connection, seen, [digest], |_| Ok(()))?.is_some() {
            return Ok(Written::ClassicStored(ClassicStored::Before));
        }
        let size = count(blob.len());
        decide::may_store(reads::waiting(self.connection, *recipient)?, size, self.bounds)?;
        self.exec(
            "UPDATE classic_waiting SET messages = messages + 1, bytes = bytes + ?2 WHERE phone = ?1",
            (recipient.0, int(size)),
        )?;
        self.exec(
            "INSERT INTO classic_message(recipient, sender, blob) VALUES (?1, ?2, ?3)",
            (recipient.0, sender.0, &**blob),
        )?;
        self.exec("INSERT INTO classic_seen(digest, at) VALUES (?1, ?2)", (digest, time(self.now)))?;
        Ok(Written::ClassicStored(ClassicStored::New))
    }

    pub(super) fn acknowledge_classic(&self, operation: AcknowledgeClassic) -> Step<Written> {
        let AcknowledgeClassic { recipient, sender, read } = operation;
        if let Some(id) = read {
            let gone = sql::one(
                self.connection,
                "DELETE FROM classic_message WHERE id = ?1 AND recipient = ?2 AND sender = ?3
                 RETURNING length(blob)",
                (int(id.0), recipient.0, sender.0),
                |row| row.get::<_, i64>(0),
            )?;
            if let Some(size) = gone {
                self.exec(
                    "UPDATE classic_waiting SET messages = messages - 1, bytes = bytes - ?2 WHERE phone = ?1",
                    (recipient.0, size),
                )?;
            }
        }
        Ok(Written::ClassicNext(reads::next_of(self.connection, recipient, sender)?))
    }
}
