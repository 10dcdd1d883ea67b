"""Makes `tickets.jsonl`, the same each time: 48 problems, each told five times among other things."""

import json
import random
from pathlib import Path

PROBLEMS = {
    "billing": (
        ("I was asked to pay twice for the same order.", "Please take one of the two back."),
        ("The invoice names a company that is not mine.", "Could you write a new one?"),
        ("My bank shows an amount that I cannot explain.", "Please tell me what the money was for."),
        ("You sent me a reminder although I had paid.", "Please strike it out."),
        ("The discount of ten percent is missing.", "Could I have the difference back?"),
        ("I would rather be charged once a year.", "Can you change the payment?"),
        ("Our accounts department misses the tax number.", "Please put it on the bill."),
        ("I gave the goods back three weeks ago.", "When do I see my refund?"),
        ("The price on the page was lower than the one I was asked for.", "Which of the two is right?"),
        ("My card has a new number since Monday.", "Where do I enter it, so that you get your money?"),
        ("We are a school and pay no tax.", "Please correct the bill."),
        ("I ended the contract in May and still pay.", "Could you stop the charges?"),
    ),
    "access": (
        ("The page says that it does not know me.", "How do I get in again?"),
        ("I have a new telephone and no codes any more.", "Please let me sign in without them."),
        ("A colleague has left, and her name still opens everything.", "Please lock her out."),
        ("I tried too often and am shut out now.", "Could you unlock my account?"),
        ("My sister and I share an address and see each other's orders.", "Please give each of us a login."),
        ("The letter with the link never came.", "Can you send me a new password?"),
        ("Somebody signed in with my name at night.", "Please close the account until we have spoken."),
        ("Our new clerk has to see the orders of all shops.", "Could you give her the right to?"),
        ("I married and have another name.", "How do I change the one that I sign in with?"),
        ("The link that I was sent is too old already.", "Please send another, so that I can get in."),
        ("I no longer read the mailbox that you write to.", "Which way is there to set a new password?"),
        ("I would like to be forgotten by you.", "Please delete my account with all there is."),
    ),
    "delivery": (
        ("It should have been here on Tuesday.", "Where is my parcel?"),
        ("Nobody was at home when the bell rang.", "Could the courier come again on Saturday?"),
        ("We moved to the other end of the town.", "Please bring it to the new address."),
        ("The box was open and half of it gone.", "Please send the rest."),
        ("The page has said `on its way` for nine days.", "When will it arrive?"),
        ("It was left in the rain before the door.", "Please tell the driver to ring."),
        ("I am away for two weeks from Friday.", "Can you hold the parcel back?"),
        ("Somebody signed for it whom nobody here knows.", "Who has it now?"),
        ("Half of the order came, in a box for all of it.", "When will the other half be here?"),
        ("The shop at the corner would take it for me.", "Could you bring it there?"),
        ("It went back to you, as the street was spelt wrongly.", "Please ship it again."),
        ("The chairs come up to a house without a lift.", "Will they be carried up to the third floor?"),
    ),
    "fault": (
        ("After an hour it gets hot and smells.", "Is that dangerous, or can it be repaired?"),
        ("The lamp flickers since I hung it up.", "Please tell me what is broken."),
        ("The door of the machine does not shut any more.", "Could somebody mend it?"),
        ("It makes a noise like a cat when it turns.", "Is there a part that I can replace?"),
        ("One leg is shorter than the others.", "Please exchange the table, as it is a defect."),
        ("The screen stays black, whatever I press.", "How do I get it to work again?"),
        ("Water comes out below, not above.", "Please send someone who can repair it."),
        ("The battery is empty after twenty minutes.", "Is it broken after a year?"),
        ("The zip tore on the first walk.", "Can it be mended under the warranty?"),
        ("It switches itself off in the middle of the night.", "What is wrong with it?"),
        ("The paint comes off where a hand touches it.", "Is that a defect that you know of?"),
        ("The scale shows two kilos with nothing on it.", "How can I make it work rightly?"),
    ),
}
"""What happened, and what the customer wants, by the team that has to see to it."""

BEFORE = {
    "billing": ("The invoice of March was correct, thank you.", "Your bill reached us on the first, as ever."),
    "access": ("I set a new password in spring, which was easy.", "My account is as old as your shop."),
    "delivery": ("The parcel before this one came a day early.", "Your courier is the kindest in town."),
    "fault": ("The kettle that you repaired last year is fine.", "The first one was broken, this is the second."),
}
AFTER = {
    "billing": ("I will pay the next bill by bank again.", "Keep the refund of last week for the staff."),
    "access": ("The new login page looks lovely.", "I see the rest in my account."),
    "delivery": ("Greetings to the driver with the red hat.", "The parcel for my mother can wait."),
    "fault": ("The toaster still works, by the way.", "My neighbour had hers repaired elsewhere."),
}
"""What else a ticket says, by the team that it would lead to."""

TOLD = ((False, False), (False, True), (True, False), (True, True), (True, True))
"""Each problem is told so many times: with something before it or not, and after it."""

if __name__ == "__main__":
    rng = random.Random(11)  # noqa: S311 - no secret
    rows = []
    for team, problems in PROBLEMS.items():
        others = [name for name in PROBLEMS if name != team]
        for number, (problem, wish) in enumerate(problems):
            for has_before, has_after in TOLD:
                first, last = rng.sample(others, 2)
                before, after = rng.choice(BEFORE[first]), rng.choice(AFTER[last])
                told = [*([before] if has_before else []), problem, wish, *([after] if has_after else [])]
                rows.append({"ticket": " ".join(told), "team": team, "problem": f"{team} {number + 1}"})
    unique = list({row["ticket"]: row for row in rows}.values())
    rng.shuffle(unique)
    text = "".join(json.dumps(row) + "\n" for row in unique)
    Path(__file__).with_name("tickets.jsonl").write_text(text, encoding="utf-8")
