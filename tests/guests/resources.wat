;; Resources of guest and host.
;;
;; The guest's resources, in the exported interface `test:shop/catalogue@1.0.0`:
;;   resource basket {
;;     constructor(owner: u32);
;;     add: func(amount: u32);
;;     total: func() -> u32;
;;     owner: func() -> u32;
;;     merge: static func(a: basket, b: basket) -> basket;   // returns a, with b's total added; drops b
;;   }
;; and at the root `drops: func() -> u32`, which returns how many baskets have been destroyed. The
;; destructor of a basket whose owner is 666 traps.
;;
;; The host's resources, in the imported interface `test:shop/host@1.0.0`:
;;   resource ticket { constructor(number: u32); number: func() -> u32; }
;;   take: func(t: ticket);
;;   give: func() -> ticket;
;;   list: func() -> list<ticket>;
;; The functions at the root use them; see the exports at the end.
(component
  (import "test:shop/host@1.0.0" (instance $host
    (export "ticket" (type $ticket (sub resource)))
    (export "[constructor]ticket" (func (param "number" u32) (result (own $ticket))))
    (export "[method]ticket.number" (func (param "self" (borrow $ticket)) (result u32)))
    (export "take" (func (param "t" (own $ticket))))
    (export "give" (func (result (own $ticket))))
    (export "list" (func (result (list (own $ticket)))))))
  (alias export $host "ticket" (type $ticket))

  ;; Memory, realloc and the baskets' destructor are defined first, because types and lowered imports need them.
  ;; A basket is represented by the address of { owner: u32, total: u32 }.
  (core module $storage_module
    (memory (export "memory") 16)
    (global $top (mut i32) (i32.const 1024))
    (global $drops (mut i32) (i32.const 0))
    (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at
        (i32.and
          (i32.sub (i32.add (global.get $top) (local.get $align)) (i32.const 1))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      (if (i32.gt_u (global.get $top) (i32.const 0x100000)) (then unreachable))
      (local.get $at))
    (func (export "destroy") (param $basket i32)
      (if (i32.eq (i32.load (local.get $basket)) (i32.const 666)) (then unreachable))
      ;; Trap if a basket is destroyed twice.
      (if (i32.eq (i32.load (local.get $basket)) (i32.const -1)) (then unreachable))
      (i32.store (local.get $basket) (i32.const -1))
      (global.set $drops (i32.add (global.get $drops) (i32.const 1))))
    (func (export "drops") (result i32) (global.get $drops)))
  (core instance $storage (instantiate $storage_module))
  (alias core export $storage "memory" (core memory $memory))
  (alias core export $storage "realloc" (core func $realloc))
  (alias core export $storage "destroy" (core func $destroy))

  (type $basket (resource (rep i32) (dtor (core func $destroy))))
  (core func $basket_new (canon resource.new $basket))
  (core func $basket_rep (canon resource.rep $basket))
  (core func $basket_drop (canon resource.drop $basket))

  (core func $ticket_new (canon lower (func $host "[constructor]ticket")))
  (core func $ticket_number (canon lower (func $host "[method]ticket.number")))
  (core func $ticket_drop (canon resource.drop $ticket))
  (core func $take (canon lower (func $host "take")))
  (core func $give (canon lower (func $host "give")))
  (core func $list (canon lower (func $host "list") (memory $memory) (realloc $realloc)))

  (core module $module
    (import "storage" "memory" (memory 1))
    (import "storage" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    (import "basket" "new" (func $basket_new (param i32) (result i32)))
    (import "basket" "rep" (func $basket_rep (param i32) (result i32)))
    (import "basket" "drop" (func $basket_drop (param i32)))
    (import "host" "ticket-new" (func $ticket_new (param i32) (result i32)))
    (import "host" "ticket-number" (func $ticket_number (param i32) (result i32)))
    (import "host" "ticket-drop" (func $ticket_drop (param i32)))
    (import "host" "take" (func $take (param i32)))
    (import "host" "give" (func $give (result i32)))
    (import "host" "list" (func $list (param i32)))

    ;; Baskets. An own handle is an index into the guest's table, a borrow is the address.
    (func (export "basket-new") (param $owner i32) (result i32)
      (local $basket i32)
      (local.set $basket
        (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 8)))
      (i32.store (local.get $basket) (local.get $owner))
      (i32.store offset=4 (local.get $basket) (i32.const 0))
      (call $basket_new (local.get $basket)))
    (func (export "basket-add") (param $basket i32) (param $amount i32)
      (i32.store offset=4 (local.get $basket)
        (i32.add (i32.load offset=4 (local.get $basket)) (local.get $amount))))
    (func (export "basket-total") (param $basket i32) (result i32)
      (i32.load offset=4 (local.get $basket)))
    (func (export "basket-owner") (param $basket i32) (result i32)
      (i32.load (local.get $basket)))
    (func (export "basket-merge") (param $a i32) (param $b i32) (result i32)
      (local $into i32)
      (local.set $into (call $basket_rep (local.get $a)))
      (i32.store offset=4 (local.get $into)
        (i32.add
          (i32.load offset=4 (local.get $into))
          (i32.load offset=4 (call $basket_rep (local.get $b)))))
      (call $basket_drop (local.get $b))
      (local.get $a))

    ;; Tickets: each is an index into the guest's table.
    (func (export "use-tickets") (param $n i32) (result i32)
      (local $ticket i32) (local $sum i32)
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $n)))
          (local.set $ticket (call $ticket_new (local.get $n)))
          (local.set $sum (i32.add (local.get $sum) (call $ticket_number (local.get $ticket))))
          (call $ticket_drop (local.get $ticket))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $next)))
      (local.get $sum))
    (func (export "hoard-tickets") (param $n i32)
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $n)))
          (drop (call $ticket_new (local.get $n)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $next))))
    (func (export "pass-through") (param $ticket i32) (result i32) (local.get $ticket))
    (func (export "peek") (param $ticket i32) (result i32)
      (local $number i32)
      (local.set $number (call $ticket_number (local.get $ticket)))
      (call $ticket_drop (local.get $ticket))
      (local.get $number))
    (func (export "leak-borrow") (param $ticket i32))
    (func (export "consume") (param $ticket i32)
      (call $ticket_drop (local.get $ticket)))
    (func (export "use-after-drop") (result i32)
      (local $ticket i32)
      (local.set $ticket (call $ticket_new (i32.const 1)))
      (call $ticket_drop (local.get $ticket))
      (call $ticket_number (local.get $ticket)))
    (func (export "drop-twice")
      (local $ticket i32)
      (local.set $ticket (call $ticket_new (i32.const 1)))
      (call $ticket_drop (local.get $ticket))
      (call $ticket_drop (local.get $ticket)))
    (func (export "return-stale") (result i32)
      (local $ticket i32)
      (local.set $ticket (call $ticket_new (i32.const 1)))
      (call $ticket_drop (local.get $ticket))
      (local.get $ticket))
    (func (export "send-ticket") (param $number i32)
      (call $take (call $ticket_new (local.get $number))))
    (func (export "send-twice") (param $number i32)
      (local $ticket i32)
      (local.set $ticket (call $ticket_new (local.get $number)))
      (call $take (local.get $ticket))
      (call $take (local.get $ticket)))
    (func $spend (param $ticket i32) (result i32)
      (local $number i32)
      (local.set $number (call $ticket_number (local.get $ticket)))
      (call $ticket_drop (local.get $ticket))
      (local.get $number))
    (func (export "receive-ticket") (result i32)
      (call $spend (call $give)))
    (func (export "receive-tickets") (result i32)
      (local $at i32) (local $count i32) (local $sum i32)
      (call $list (i32.const 16))
      (local.set $at (i32.load (i32.const 16)))
      (local.set $count (i32.load (i32.const 20)))
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $count)))
          (local.set $sum (i32.add (local.get $sum) (call $spend (i32.load (local.get $at)))))
          (local.set $at (i32.add (local.get $at) (i32.const 4)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next)))
      (local.get $sum))
    (func (export "echo-tickets") (param $at i32) (param $count i32) (result i32)
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (local.get $count))
      (i32.const 16)))

  (core instance $guest (instantiate $module
    (with "storage" (instance $storage))
    (with "basket" (instance
      (export "new" (func $basket_new))
      (export "rep" (func $basket_rep))
      (export "drop" (func $basket_drop))))
    (with "host" (instance
      (export "ticket-new" (func $ticket_new))
      (export "ticket-number" (func $ticket_number))
      (export "ticket-drop" (func $ticket_drop))
      (export "take" (func $take))
      (export "give" (func $give))
      (export "list" (func $list))))))

  (func $basket_constructor (param "owner" u32) (result (own $basket))
    (canon lift (core func $guest "basket-new")))
  (func $basket_add (param "self" (borrow $basket)) (param "amount" u32)
    (canon lift (core func $guest "basket-add")))
  (func $basket_total (param "self" (borrow $basket)) (result u32)
    (canon lift (core func $guest "basket-total")))
  (func $basket_owner (param "self" (borrow $basket)) (result u32)
    (canon lift (core func $guest "basket-owner")))
  (func $basket_merge (param "a" (own $basket)) (param "b" (own $basket)) (result (own $basket))
    (canon lift (core func $guest "basket-merge")))

  ;; The exports of an interface must use the interface's own type; an inner component does that.
  (component $catalogue_shape
    (import "type-basket" (type $inner (sub resource)))
    (import "constructor-basket" (func $constructor (param "owner" u32) (result (own $inner))))
    (import "basket-add" (func $add (param "self" (borrow $inner)) (param "amount" u32)))
    (import "basket-total" (func $total (param "self" (borrow $inner)) (result u32)))
    (import "basket-owner" (func $owner (param "self" (borrow $inner)) (result u32)))
    (import "basket-merge" (func $merge
      (param "a" (own $inner)) (param "b" (own $inner)) (result (own $inner))))
    (export $basket "basket" (type $inner))
    (export "[constructor]basket" (func $constructor)
      (func (param "owner" u32) (result (own $basket))))
    (export "[method]basket.add" (func $add)
      (func (param "self" (borrow $basket)) (param "amount" u32)))
    (export "[method]basket.total" (func $total)
      (func (param "self" (borrow $basket)) (result u32)))
    (export "[method]basket.owner" (func $owner)
      (func (param "self" (borrow $basket)) (result u32)))
    (export "[static]basket.merge" (func $merge)
      (func (param "a" (own $basket)) (param "b" (own $basket)) (result (own $basket)))))
  (instance $catalogue (instantiate $catalogue_shape
    (with "type-basket" (type $basket))
    (with "constructor-basket" (func $basket_constructor))
    (with "basket-add" (func $basket_add))
    (with "basket-total" (func $basket_total))
    (with "basket-owner" (func $basket_owner))
    (with "basket-merge" (func $basket_merge))))
  (export "test:shop/catalogue@1.0.0" (instance $catalogue))

  (func (export "drops") (result u32)
    (canon lift (core func $storage "drops")))

  ;; Creates the tickets n … 1, reads each number and drops the ticket. Returns the sum of the numbers.
  (func (export "use-tickets") (param "n" u32) (result u32)
    (canon lift (core func $guest "use-tickets")))
  ;; Creates n tickets and keeps them, for tests of the handle limit and of a container's end.
  (func (export "hoard-tickets") (param "n" u32)
    (canon lift (core func $guest "hoard-tickets")))
  (func (export "pass-through") (param "t" (own $ticket)) (result (own $ticket))
    (canon lift (core func $guest "pass-through")))
  (func (export "echo-tickets") (param "t" (list (own $ticket))) (result (list (own $ticket)))
    (canon lift (core func $guest "echo-tickets") (memory $memory) (realloc $realloc)))
  ;; Returns the number of a borrowed ticket, and drops the borrow as required.
  (func (export "peek") (param "t" (borrow $ticket)) (result u32)
    (canon lift (core func $guest "peek")))
  ;; Drops a ticket.
  (func (export "consume") (param "t" (own $ticket))
    (canon lift (core func $guest "consume")))
  ;; Errors: a borrow kept after the call; a handle used, dropped or returned after its drop; a handle passed
  ;; twice.
  (func (export "leak-borrow") (param "t" (borrow $ticket))
    (canon lift (core func $guest "leak-borrow")))
  (func (export "use-after-drop") (result u32)
    (canon lift (core func $guest "use-after-drop")))
  (func (export "drop-twice")
    (canon lift (core func $guest "drop-twice")))
  (func (export "return-stale") (result (own $ticket))
    (canon lift (core func $guest "return-stale")))
  (func (export "send-twice") (param "number" u32)
    (canon lift (core func $guest "send-twice")))
  ;; Creates a ticket and passes it to the host's `take`.
  (func (export "send-ticket") (param "number" u32)
    (canon lift (core func $guest "send-ticket")))
  ;; Return the number of the ticket from the host's `give`, and the sum of those from its `list`. Both drop
  ;; the tickets.
  (func (export "receive-ticket") (result u32)
    (canon lift (core func $guest "receive-ticket")))
  (func (export "receive-tickets") (result u32)
    (canon lift (core func $guest "receive-tickets"))))
