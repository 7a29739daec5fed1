//! `hush verify`: safety numbers, and what follows from comparing them.

use hushwire_content::display;
use hushwire_rpc::method::{self, Decision};
use hushwire_rpc::shape::{Contact, TrustName};

use crate::args::Verify;
use crate::command::shape;
use crate::exit::Exit;
use crate::failure::Outcome;
use crate::run::Context;

pub(crate) async fn run(context: &Context, verify: Verify) -> Outcome {
    let decision = decision(&verify);
    let asked = method::Verify { who: verify.who, decision, timeout_s: context.timeout_s() };
    context
        .with_profile(async |profile| {
            let contact = profile.call(asked).await?;
            let _ = context.say.data(&contact, || words(&contact, decision));
            Ok(Exit::Ok)
        })
        .await
}

/// What the person decided, if anything.
const fn decision(verify: &Verify) -> Option<Decision> {
    if verify.confirm {
        Some(Decision::Confirm)
    } else if verify.forget {
        Some(Decision::Forget)
    } else if verify.accept_change {
        Some(Decision::AcceptChange)
    } else if verify.refuse_change {
        Some(Decision::RefuseChange)
    } else if verify.resume {
        Some(Decision::Resume)
    } else {
        None
    }
}

fn words(contact: &Contact, decision: Option<Decision>) -> String {
    let name = display::line(&contact.name);
    let trust = shape::trust(contact.trust);
    let number = &contact.safety_number;
    match decision {
        Some(Decision::Resume) => return format!("Sending to {name} goes on."),
        Some(_) => return format!("{name} is {trust} now."),
        None => {}
    }
    if contact.trust == TrustName::Changed {
        return format!(
            "The server says that {name} belongs to another account now, and nothing is sent to them meanwhile. Ask them, face \
             to face or in a call. If they made a new account: hush verify {name} --accept-change. If not: hush verify \
             {name} --refuse-change"
        );
    }
    format!(
        "{name} is {trust}. The safety number of your two accounts:\n\n  {number}\n\nCompare it with what their device \
         shows, face to face or in a call. If it is the same: hush verify {name} --confirm"
    )
}
