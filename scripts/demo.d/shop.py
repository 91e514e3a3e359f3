"""What happens in the shop: many small transactions, and now and then a scene worth telling."""

import random
import threading
import time

import psycopg2

TABLES = ("customers", "products", "orders", "order_items", "visits")
STATES = ("placed", "paid", "packed", "sent")
TRANSACTIONS_PER_SECOND = 40


class Shop(threading.Thread):
    """Writes to the source until told to stop. `tell` is called with a line for each scene.

    A thread of its own, with a connection of its own; `error` is set when it ends badly.
    """

    def __init__(self, dsn, seconds, tell):
        super().__init__(name="shop", daemon=True)
        self.seconds = seconds
        self.tell = tell
        self.error = None
        self.closed_at = None  # the time of the last change to each of the tables
        self._end = threading.Event()
        self._random = random.Random(1)
        self._connection = psycopg2.connect(dsn)
        self._cursor = self._connection.cursor()
        self._next_customer = 201
        self._next_order = 401
        self._customers = list(range(1, 201))
        self._orders = list(range(1, 401))
        self._open_orders = []
        self._products = list(range(1, 61))

    def stop(self):
        self._end.set()

    def run(self):
        try:
            self._trade()
            self._close()
        except psycopg2.Error as error:
            self.error = str(error).strip()
        finally:
            self._connection.close()

    # When, as a part of the whole time, and what. scripts/demo.d/main.py has one more.
    def _scenes(self):
        return [
            (0.06, self._stocktaking), (0.16, self._rename_customer), (0.27, self._add_channel),
            (0.38, self._roll_back), (0.46, self._sale), (0.68, self._swap_customers),
            (0.76, self._rewrite_descriptions), (0.84, self._delete_old_orders),
            (0.92, self._empty_visits),
        ]

    def _trade(self):
        began = time.monotonic()
        scenes = self._scenes()
        due = began
        while not self._end.is_set() and time.monotonic() - began < self.seconds:
            if scenes and time.monotonic() - began >= scenes[0][0] * self.seconds:
                line = scenes.pop(0)[1]()
                self.tell(line)
            else:
                self._everyday()
                self._connection.commit()
            due = max(due + 1 / TRANSACTIONS_PER_SECOND, time.monotonic() - 1)
            self._end.wait(max(0, due - time.monotonic()))

    # --- every day ---------------------------------------------------------------------------------

    def _everyday(self):
        actions = (self._place_order, self._advance_order, self._visit, self._cancel_order,
                   self._change_price, self._new_customer, self._change_customer, self._change_item)
        self._random.choices(actions, (30, 30, 16, 5, 5, 4, 5, 5))[0]()

    def _do(self, statement, *values):
        self._cursor.execute(statement, values)

    def _some_order(self):
        if not self._open_orders or self._random.random() < 0.2:
            return self._random.choice(self._orders)
        return self._random.choice(self._open_orders[-50:])

    def _place_order(self, lines=None):
        order, self._next_order = self._next_order, self._next_order + 1
        lines = lines or self._random.randint(1, 6)
        self._do("insert into shop.orders (id, customer_id, status, total, placed_at)"
                 " values (%s, %s, 'placed', 0, clock_timestamp())", order,
                 self._random.choice(self._customers))
        for line in range(1, lines + 1):
            product = self._random.choice(self._products)
            quantity = self._random.randint(1, 5)
            self._do("insert into shop.order_items select %s, %s, id, %s, price from shop.products"
                     " where id = %s", order, line, quantity, product)
            self._do("update shop.products set stock = stock - %s where id = %s", quantity, product)
        self._total(order)
        self._orders.append(order)
        self._open_orders.append(order)

    def _total(self, order):
        self._do("update shop.orders set total = (select coalesce(sum(quantity * price), 0)"
                 " from shop.order_items where order_id = %s) where id = %s", order, order)

    def _advance_order(self):
        order = self._some_order()
        self._do("update shop.orders set status = %s where id = %s", self._random.choice(STATES),
                 order)

    def _cancel_order(self):
        order = self._some_order()
        self._do("delete from shop.orders where id = %s", order)
        self._orders.remove(order)
        if order in self._open_orders:
            self._open_orders.remove(order)

    def _change_item(self):
        order = self._some_order()
        self._do("update shop.order_items set quantity = quantity + 1 where order_id = %s", order)
        self._total(order)

    def _change_price(self):
        self._do("update shop.products set price = round(price * %s, 2) where id = %s",
                 round(self._random.uniform(0.9, 1.12), 3), self._random.choice(self._products))

    def _new_customer(self):
        customer, self._next_customer = self._next_customer, self._next_customer + 1
        self._do("insert into shop.customers values (%s, %s, %s, current_date, 0, %s)", customer,
                 f"Customer {customer}", f"customer{customer}@example.com",
                 self._random.random() < 0.5)
        self._customers.append(customer)

    def _change_customer(self):
        self._do("update shop.customers set credit = credit + %s, newsletter = not newsletter"
                 " where id = %s", self._random.randint(-9, 20), self._random.choice(self._customers))

    def _visit(self):
        for _ in range(self._random.randint(1, 8)):
            self._do("insert into shop.visits values (clock_timestamp(), %s, %s)",
                     f"/product/{self._random.choice(self._products)}",
                     self._random.choice((None, 0.1, self._random.expovariate(0.1))))

    # --- scenes: each commits, and returns the line that tells it -----------------------------------

    def _stocktaking(self):
        self._do("update shop.products set stock = stock + 100")
        self._connection.commit()
        return (f"counted the stock: updated all {len(self._products)} products; their 8 kB"
                " descriptions are not in the records")

    def _rename_customer(self):
        self._do("update shop.customers set id = 1017 where id = 17")
        self._do("select count(*) from shop.orders where customer_id = 1017")
        orders = self._cursor.fetchone()[0]
        self._connection.commit()
        self._customers[self._customers.index(17)] = 1017
        return f"renamed customer 17 to 1017: a key changed, and {orders} orders with it"

    def _add_channel(self):
        self._do("alter table shop.orders add column channel text not null default 'web'")
        order = self._some_order()
        self._do("update shop.orders set channel = 'shop' where id = %s", order)
        self._connection.commit()
        return "added column orders.channel, default 'web'"

    def _roll_back(self):
        order = self._next_order
        known = len(self._orders), len(self._open_orders)
        self._place_order(lines=40)
        self._connection.rollback()
        del self._orders[known[0]:], self._open_orders[known[1]:]
        return f"placed order {order} with 40 items, and rolled it back"

    def _sale(self):
        first = self._next_order
        for _ in range(250):
            self._place_order(lines=4)
        self._connection.commit()
        return f"a sale: orders {first} to {self._next_order - 1} with 1,000 items in one transaction"

    def _swap_customers(self):
        for old, new in ((5, 0), (6, 5), (0, 6)):
            self._do("update shop.customers set id = %s where id = %s", new, old)
        self._connection.commit()
        return "swapped the keys of customers 5 and 6 in one transaction"

    def _rewrite_descriptions(self):
        self._do("update shop.products set description = repeat(reverse(left(description, 600)), 20)"
                 " where id %% 6 = 0")
        rows = self._cursor.rowcount
        self._connection.commit()
        return f"rewrote {rows} descriptions, 12 kB each"

    def _delete_old_orders(self):
        self._do("delete from shop.orders where id <= 300")
        rows = self._cursor.rowcount
        self._connection.commit()
        self._orders = [order for order in self._orders if order > 300]
        self._open_orders = [order for order in self._open_orders if order > 300]
        return f"deleted {rows} old orders with their items"

    def _empty_visits(self):
        self._do("truncate shop.visits")
        self._connection.commit()
        return "emptied visits, by truncate"

    # One last change to every table, by which to see that everything has arrived.
    def _close(self):
        self._do("select date_trunc('milliseconds', clock_timestamp())")
        closed_at = self._cursor.fetchone()[0]
        self._place_order()
        self._new_customer()
        self._visit()
        self._connection.commit()
        self.closed_at = closed_at
